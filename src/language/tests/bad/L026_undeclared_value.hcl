#! vars {"chanel": "x"}
variable "channel" { default = "x" }
