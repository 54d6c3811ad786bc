variable "default_tag" { default = "v0" }
variable "on" { default = true }

job "dollars" {
  task "literal" {
    run "exec" {
      path = "/bin/sh"
      args = [
        "-ec",
        "${BUILD_PIPELINE_NAME} $${BUILD_JOB_NAME} ${WORKDIR}/out ${MY_OWN_SHELL_VAR} ${_} ${param_version}",
        "${BUILD_NUMBER:-0} ${INPUT_replicas} ${TAG#v} ${PORT:-5432} ${#NAME} ${!NAME} ${1} ${@} ${?}",
        "$param_version $NAME $WORKDIR $(date) $((1+1)) $$ $$NAME $1 $? 100%",
        "${TAG:-${var.default_tag}} ${A:-'}'} ${A:-\"}\"} ${A%{*}} ${A%%.*} ${A:-{x}}",
        "${var.default_tag} ${upper(var.default_tag)} ${var.on ? "yes" : "no"} %%{literal}",
      ]
    }
  }
  task "heredoc" {
    run "exec" {
      path = "/bin/sh"
      args = ["-ec", <<-EOT
        NAME="pikoci-${BUILD_PIPELINE_NAME}-${BUILD_JOB_NAME}"
        docker rm -f "$NAME" 2>/dev/null || true
        docker run -d --name "$NAME" \
          -e "PASSWORD=$param_password" \
          postgres:$param_version  # ünïcödé
        ${var.on ? "" : "never"}%{ if var.on }
        on %{ else } off %{ endif }
      EOT
      ]
    }
  }
}
