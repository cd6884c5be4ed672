#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "connector/airbyte/component.h"
#include "connector/foreign/draft.h"

namespace firn::connector::foreign {

using airbyte::Component;

/// The settings of one stream, made of the properties of the manifest's `spec` that it reads: config['a']['b'] is the
/// setting `a_b`.
class AirbyteSettings {
 public:
  struct Use {
    bool is_list = false;
    bool text_only = false;                // a number would have to stay one
    bool may_be_empty = false;             // an optional one without a default is the empty text
    std::optional<std::string> otherwise;  // the default that the expression has
  };

  /// `specification`: spec.connection_specification.
  explicit AirbyteSettings(Component specification) : specification_(std::move(specification)) {}

  /// Returns the place-holder of config[steps…]. Errors: kConfig for a property that is none, and one whose value would
  /// be written differently.
  Result<std::string> Take(const std::vector<std::string>& steps, const Use& use);
  Result<std::string> Take(const std::vector<std::string>& steps) { return Take(steps, {}); }
  /// True if the property is there and need not be given.
  bool IsOptional(const std::vector<std::string>& steps) const;

  const std::map<std::string, Setting>& taken() const { return taken_; }
  /// Adds those of another stream. Errors: kConfig if one has another default there.
  Status Add(const AirbyteSettings& other);

 private:
  struct Property {
    Component schema;
    bool required = false;
  };
  std::optional<Property> Find(const std::vector<std::string>& steps) const;

  Component specification_;
  std::map<std::string, Setting> taken_;
};

}  // namespace firn::connector::foreign
