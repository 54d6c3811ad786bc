defaults {
  image = "x"
}
