job "a" {
  description = "not closed
}

job "b" {
  description = "${NAME:-x"
}

job "c" {
  description = "${upper("x"
}

job "d" {
  description = <<EOT
text
EOT, more
}
