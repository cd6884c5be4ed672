#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "cli/demo_shop.h"

namespace firn::cli {

/// The project that `firn demo` writes: a folder with firn.yaml and a marker file. A command on it starts the
/// demo shop by itself, in the process, before the project is loaded.
inline constexpr char kDemoMarker[] = ".firn-demo";
inline constexpr char kDemoUrlVariable[] = "FIRN_DEMO_URL";

/// Writes the project. Errors: kConfig if the folder exists and is no demo.
Status WriteDemoProject(const std::string& folder);

/// Starts the shop if the project is a demo project and FIRN_DEMO_URL is not set, and sets that variable; else null.
/// `config`: file or folder of the project; empty: firn.yaml is looked for from the current folder upward. The
/// generation is 2: what the second run of the demo saw.
Result<std::unique_ptr<DemoShop>> StartShopIfDemo(const std::string& config);

}  // namespace firn::cli
