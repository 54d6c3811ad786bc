notification_type "x" {
  notify "exec" {}
}
