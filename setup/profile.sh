# Sourced by what builds for others: `profile`, and `built`, the folder of the target into which Cargo puts what it builds by it.
# What is shipped or measured has `release`; the tests' scripts say `dev`, by which everything is compiled for them already.
profile=${DATASUS_PROFILE:-release}
case "$profile" in dev) built=debug ;; *) built=$profile ;; esac
