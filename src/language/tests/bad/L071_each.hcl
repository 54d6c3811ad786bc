job "a" {
  description = each.key
}
