#include "cli/main.h"

namespace firn::cli {

int Main(int, char**) {
  return 2;
}

}  // namespace firn::cli
