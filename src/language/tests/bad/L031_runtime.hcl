job "build" {
  description = "${ BUILD_JOB_NAME } ${upper(BUILD_JOB_NAME)} ${BUILD_JOB_NAME == "x" ? 1 : 2}"
  task "t" {
    run "docker" {
      image = WORKDIR
      args  = [BUILD_JOB_NAME, param_version.x]
    }
  }
}
