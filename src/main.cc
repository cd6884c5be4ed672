// Process start and stop, in order, nothing else.
#include "cli/main.h"

int main(int argc, char** argv) {
  return firn::cli::Main(argc, argv);
}
