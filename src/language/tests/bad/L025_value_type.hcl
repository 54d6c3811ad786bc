#! vars {"a": "many", "b": "yes", "c": 1}
variable "a" { type = number }
variable "b" { type = bool }
variable "c" { type = bool }
