#include "base/failpoint.h"

#ifdef FIRN_FAILPOINTS_ENABLED

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace firn::failpoint {
namespace {

struct Rule {
  std::string action;
  int at_hit = 1;
};

// Process-wide by nature: a failpoint is reached from any layer, and this file is in test builds only.
class Registry {
 public:
  Registry() {
    const char* text = std::getenv("FIRN_FAILPOINTS");
    if (text != nullptr) Parse(text);
    const char* log = std::getenv("FIRN_FAILPOINTS_LOG");
    if (log != nullptr) log_path_ = log;
  }

  ~Registry() {
    if (log_path_.empty()) return;
    std::FILE* file = std::fopen(log_path_.c_str(), "w");
    if (file == nullptr) return;
    for (const auto& [name, hits] : hits_) std::fprintf(file, "failpoint %s %d\n", name.c_str(), hits);
    std::fclose(file);
  }

  Status Hit(std::string_view name) {
    std::string action;
    {
      std::lock_guard lock(mutex_);
      const int hit = ++hits_[std::string(name)];
      const auto rule = rules_.find(std::string(name));
      if (rule == rules_.end()) return Status::OK();
      const bool matches = rule->second.action == "errors" ? hit >= rule->second.at_hit : hit == rule->second.at_hit;
      if (!matches) return Status::OK();
      action = rule->second.action;
    }
    if (action == "kill") std::raise(SIGKILL);
    if (action == "stop") std::raise(SIGSTOP);
    if (action == "unknown") return MakeError(Fault::kOutcomeUnknown, "failpoint " + std::string(name));
    if (action == "error" || action == "errors") {
      return MakeError(Fault::kTransient, "failpoint " + std::string(name));
    }
    return Status::OK();
  }

 private:
  void Parse(const std::string& text) {
    size_t begin = 0;
    while (begin < text.size()) {
      size_t end = text.find(';', begin);
      if (end == std::string::npos) end = text.size();
      const std::string item = text.substr(begin, end - begin);
      begin = end + 1;
      const size_t equals = item.find('=');
      if (equals == std::string::npos) continue;
      Rule rule{.action = item.substr(equals + 1)};
      if (const size_t at = rule.action.find('@'); at != std::string::npos) {
        rule.at_hit = std::atoi(rule.action.c_str() + at + 1);
        rule.action.resize(at);
      }
      rules_[item.substr(0, equals)] = rule;
    }
  }

  std::string log_path_;
  std::map<std::string, Rule> rules_;
  std::mutex mutex_;
  std::map<std::string, int> hits_;
};

Registry& TheRegistry() {
  static Registry registry;
  return registry;
}

}  // namespace

Status Hit(std::string_view name) {
  return TheRegistry().Hit(name);
}

bool SeededBug(std::string_view name) {
  const char* text = std::getenv("FIRN_SEEDED_BUG");
  return text != nullptr && name == text;
}

}  // namespace firn::failpoint

#endif
