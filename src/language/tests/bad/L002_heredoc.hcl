job "a" {
  description = <<EOT
no end
}
