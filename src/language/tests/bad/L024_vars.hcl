#! vars {"a": ["x"], "b": null}
variable "a" {}
variable "b" {}
