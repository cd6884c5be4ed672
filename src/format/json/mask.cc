#include "format/json/mask.h"

#include <arpa/inet.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <array>
#include <cstring>

#include "base/hash.h"
#include "format/json/record_path.h"
#include "format/json/string_parse.h"
#include "format/json/structural_index.h"
#include "format/json/structural_walker.h"

namespace firn::format::json {
namespace {

constexpr const char* kRedacted = "***";

std::string Sha256(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return HexOf(digest.data(), digest.size());
}

std::string HmacSha256(const std::string& key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &size);
  return HexOf(digest.data(), size);
}

std::string MaskIp(std::string_view text) {
  const std::string copy(text);
  std::array<unsigned char, 16> address{};
  std::array<char, INET6_ADDRSTRLEN> shown{};
  if (inet_pton(AF_INET, copy.c_str(), address.data()) == 1) {
    address[3] = 0;
    return inet_ntop(AF_INET, address.data(), shown.data(), shown.size());
  }
  if (inet_pton(AF_INET6, copy.c_str(), address.data()) == 1) {
    std::memset(address.data() + 6, 0, 10);
    return inet_ntop(AF_INET6, address.data(), shown.data(), shown.size());
  }
  return kRedacted;
}

// Rewrites one value; the text between the parts that are replaced is copied as it stands.
class Rewriter {
 public:
  Rewriter(std::string_view text, const uint32_t* end)
      : text_(text), body_(reinterpret_cast<const uint8_t*>(text.data())), end_(end) {}

  // Returns the entry behind the value, which is known to be well-formed.
  const uint32_t* Value(const uint32_t* at, const MaskTree* masks) {
    SyntaxFault fault;
    const uint32_t* after = SkipValue(body_, at, end_, Depth::kBracketsOnly, fault);
    if (!after || !masks) return after;
    if (masks->masks_value()) {
      Replace(SpanOf(body_, at, after), *masks);
      return after;
    }
    if (body_[*at] == '{') Members(at, masks);
    if (body_[*at] == '[') Elements(at, masks);
    return after;
  }

  std::string Take() {
    out_.append(text_.substr(copied_));
    return std::move(out_);
  }

 private:
  void Members(const uint32_t* at, const MaskTree* masks) {
    for (++at; at && at != end_ && body_[*at] == '"';) {
      std::string_view key = TokenText(body_, at);
      key = key.substr(1, key.size() - 2);
      std::string plain(key.size(), '\0');
      size_t size = 0;
      if (UnescapeTo(key, plain.data(), size) == Unescape::kOk) plain.resize(size);
      at = Value(at + 2, masks->Child(plain));
      if (at && at != end_ && body_[*at] == ',') ++at;
    }
  }

  void Elements(const uint32_t* at, const MaskTree* masks) {
    for (++at; at && at != end_ && body_[*at] != ']';) {
      at = Value(at, masks);
      if (at && at != end_ && body_[*at] == ',') ++at;
    }
  }

  void Replace(ValueSpan span, const MaskTree& mask) {
    const std::string_view raw = text_.substr(span.begin, span.end - span.begin);
    if (raw == "null") return;
    out_.append(text_.substr(copied_, span.begin - copied_));
    copied_ = span.end;
    const std::optional<std::string> masked = mask.Apply(MaskInput(raw));
    if (masked) AppendJsonString(*masked, out_);
    if (!masked) out_ += "null";
  }

  // What the mask sees: a string's unescaped bytes, else the JSON text.
  static std::string MaskInput(std::string_view raw) {
    if (raw.front() != '"') return std::string(raw);
    const std::string_view inside = raw.substr(1, raw.size() - 2);
    std::string plain(inside.size(), '\0');
    size_t size = 0;
    if (UnescapeTo(inside, plain.data(), size) != Unescape::kOk) return std::string(raw);
    plain.resize(size);
    return plain;
  }

  std::string_view text_;
  const uint8_t* body_;
  const uint32_t* end_;
  std::string out_;
  size_t copied_ = 0;
};

}  // namespace

Result<std::shared_ptr<const MaskTree>> MaskTree::Make(const std::vector<MaskRule>& rules) {
  auto root = std::make_shared<MaskTree>();
  for (const MaskRule& rule : rules) {
    const std::vector<std::string> path = SplitPath(rule.path);
    if (path.empty()) return MakeError(Fault::kConfig, "a mask has an empty path");
    if (rule.method == MaskMethod::kHmac && rule.key.empty()) {
      return MakeError(Fault::kConfig, "mask hmac needs a key: " + rule.path);
    }
    MaskTree* node = root.get();
    for (const std::string& key : path) {
      if (key == "*") continue;  // array levels are passed through
      auto* next = const_cast<MaskTree*>(node->Child(key));
      if (!next) next = node->children_.emplace_back(key, std::make_unique<MaskTree>()).second.get();
      node = next;
    }
    node->rule_ = rule;
  }
  return std::shared_ptr<const MaskTree>(std::move(root));
}

const MaskTree* MaskTree::Child(std::string_view key) const {
  for (const auto& [name, child] : children_) {
    if (name == key) return child.get();
  }
  return nullptr;
}

std::optional<std::string> MaskTree::Apply(std::string_view text) const {
  switch (rule_->method) {
    case MaskMethod::kRedact:
      return kRedacted;
    case MaskMethod::kNull:
      return std::nullopt;
    case MaskMethod::kSha256:
      return Sha256(text);
    case MaskMethod::kHmac:
      return HmacSha256(rule_->key, text);
    case MaskMethod::kIp:
      return MaskIp(text);
  }
  return std::nullopt;
}

Result<std::string> MaskedText(std::string_view value, const MaskTree* masks) {
  if (!masks) return std::string(value);
  std::string padded(value);
  padded.append(StructuralIndex::kPadding, '\0');
  StructuralIndex index(nullptr);
  const std::string_view text = std::string_view(padded).substr(0, value.size());
  if (index.Build(text) != StructuralIndex::Problem::kNone) return MakeError(Fault::kBadData, "text is not valid JSON");
  const uint32_t* begin = index.offsets().data();
  const uint32_t* end = begin + index.offsets().size();
  SyntaxFault fault;
  if (SkipValue(reinterpret_cast<const uint8_t*>(text.data()), begin, end, Depth::kFull, fault) != end) {
    return MakeError(Fault::kBadData, "text is not valid JSON");
  }
  Rewriter rewriter(text, end);
  rewriter.Value(begin, masks);
  return rewriter.Take();
}

}  // namespace firn::format::json
