job "a" {
  timeout "10s"
}

job "b" {
  timeout = = "10s"
}

job "c" {
  timeout : "10s"
}

job "d" {
  timeout = '10s'
}

job "e" {
  tags = ["a" "b"]
}

job "f" {
  timeout = "10s",
}

12
