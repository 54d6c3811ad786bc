variable "s" {
  secret "env" { key = "S" }
}

resource_type "t" {
  source = "https://${var.s}/t.hcl"
}
resource "cron" "c" {
  check_interval = var.s
  tags           = [var.s]
}
job "build" {
  timeout     = var.s
  concurrency = var.s
  public      = var.s
  description = "x${var.s}"
  get "cron" "c" {
    passed = ["${var.s}"]
  }
}
