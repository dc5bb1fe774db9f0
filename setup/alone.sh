# To be sourced. `alone FOLDER`: until this script ends no other makes that folder of the cache; clones and faces may ask for it at once.
alone() {
  mkdir -p "$(dirname "$1")"
  exec 8> "$1.lock"
  ! command -v flock > /dev/null || flock 8
}
