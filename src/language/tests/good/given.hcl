#! vars {"replicas": "3", "fast": "true", "name": 7, "db_password": "hunter2"}
variable "replicas" {
  type = number
}
variable "fast" {
  type        = "bool"
  default     = false
  description = "how fast"
}
variable "name" {}
variable "db_password" {
  secret "vault" {
    path = "secret/db"
    key  = "password"
  }
}
job "test" {
  timeout = var.fast ? "1m" : "1h"
  task "t" {
    attempts = var.replicas
    run "exec" {
      path = var.name
      env  = { PASSWORD = "<${var.db_password}>" }
    }
  }
}
