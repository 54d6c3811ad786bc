job "a" {
  serial_groups = ["Deploy It", "x", "x", "!"]
}
