#include "io/raw_cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "base/hash.h"
#include "base/random.h"

namespace firn::io {
namespace {

using Json = nlohmann::json;

constexpr size_t kNonceBytes = 12;
constexpr size_t kTag = static_cast<size_t>(RawCipher::kTagBytes);
constexpr size_t kKeyBytes = 32;
constexpr size_t kPieceBytes = size_t{1} << 30;  // OpenSSL counts in int
constexpr std::string_view kCipher = "AES-256-GCM";

using Nonce = std::array<uint8_t, kNonceBytes>;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

uint8_t* Bytes(std::string* text) {
  return reinterpret_cast<uint8_t*>(text->data());
}
const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// One message of AES-256-GCM; `data` is changed in place. False: OpenSSL failed, or the tag is another.
bool Crypt(bool encrypts, std::span<const uint8_t> key, const Nonce& nonce, std::string_view associated,
           std::span<uint8_t> data, uint8_t* tag) {
  const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context(EVP_CIPHER_CTX_new());
  int size = 0;
  EVP_CIPHER_CTX* c = context.get();
  if (c == nullptr ||
      EVP_CipherInit_ex(c, EVP_aes_256_gcm(), nullptr, key.data(), nonce.data(), encrypts ? 1 : 0) != 1 ||
      EVP_CipherUpdate(c, nullptr, &size, Bytes(associated), static_cast<int>(associated.size())) != 1) {
    return false;
  }
  if (!encrypts && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTag), tag) != 1) return false;
  for (size_t at = 0; at < data.size(); at += kPieceBytes) {
    const auto piece = static_cast<int>(std::min(kPieceBytes, data.size() - at));
    if (EVP_CipherUpdate(c, data.data() + at, &size, data.data() + at, piece) != 1 || size != piece) return false;
  }
  std::array<uint8_t, kTag> none{};
  if (EVP_CipherFinal_ex(c, none.data(), &size) != 1) return false;
  return !encrypts || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTag), tag) == 1;
}

Nonce NonceOf(char kind, uint64_t number) {
  Nonce nonce{};
  nonce[0] = static_cast<uint8_t>(kind);
  for (size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<uint8_t>(number >> (8 * i));
  return nonce;
}

std::string AssociatedOf(const std::string& context, char kind, uint64_t number) {
  std::string text = context;
  text += kind;
  for (int i = 0; i < 8; ++i) text += static_cast<char>(number >> (8 * i));
  return text;
}

// What the wrapped key is bound to, beside its nonce.
std::string WrapContext(const std::string& context, const std::string& key_id, bool of_state) {
  return "firn raw segment key\n" + key_id + (of_state ? "\nstate\n" : "\nsetting\n") + context;
}

Status NotOpened(const std::string& what) {
  return MakeError(Fault::kBadData, what + " is not what was sealed here: changed, or of another place");
}

Status CryptoFailed() {
  return MakeError(Fault::kBug, "OpenSSL does not encrypt with AES-256-GCM");
}

std::optional<std::string> FromHex(const Json& json, size_t size) {
  if (!json.is_string()) return std::nullopt;
  const auto& text = json.get_ref<const std::string&>();
  if (text.size() != 2 * size) return std::nullopt;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  std::string out;
  for (size_t i = 0; i < size; ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

}  // namespace

Status RawKeyMissing(const std::string& id, const RawKeys& keys) {
  std::string have;
  for (const RawKey& key : keys.read) have += (have.empty() ? "" : ", ") + key.id;
  const bool configured = std::ranges::any_of(keys.read, [](const RawKey& key) { return !key.of_state; });
  return MakeError(Fault::kConfig,
                   "archived bodies are sealed with key " + id + ", and " +
                       (have.empty() ? "there is none" : "the keys there are " + have),
                   {.code = "E0866",
                    .where = keys.where,
                    .state = "nothing was changed",
                    .next = configured ? "put the key of that id into raw.previous_keys, or back to where it was"
                                       : "put the file with that key back at " + keys.where +
                                             " (firn backup --with-secrets takes it along), or write the key as "
                                             "raw.previous_keys"});
}

RawCipher::~RawCipher() {
  OPENSSL_cleanse(key_.data(), key_.size());
}

Result<RawCipher> RawCipher::New(const RawKey& key, std::string context) {
  RawCipher out;
  FillRandom(out.key_);
  Nonce nonce{};
  FillRandom(nonce);
  std::string wrapped(reinterpret_cast<const char*>(out.key_.data()), kKeyBytes);
  wrapped.resize(kKeyBytes + kTag);
  if (!Crypt(true, key.bytes, nonce, WrapContext(context, key.id, key.of_state), {Bytes(&wrapped), kKeyBytes},
             Bytes(&wrapped) + kKeyBytes)) {
    return CryptoFailed();
  }
  out.context_ = std::move(context);
  out.head_ = Json{{"cipher", kCipher},
                   {"key_id", key.id},
                   {"key_of", key.of_state ? "state" : "setting"},
                   {"nonce", HexOf(nonce.data(), nonce.size())},
                   {"wrapped", HexOf(Bytes(std::string_view(wrapped)), wrapped.size())}}
                  .dump();
  return out;
}

Result<RawSeal> ParseRawSeal(std::string_view head) {
  const Json json = Json::parse(head, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return NotOpened("the head of a segment");
  const Json key_of = json.value("key_of", Json());
  if (json.value("cipher", Json()) != kCipher || !json.value("key_id", Json()).is_string() ||
      (key_of != "state" && key_of != "setting")) {
    return NotOpened("the head of a segment");
  }
  return RawSeal{.key_id = json["key_id"].get<std::string>(), .of_state = key_of == "state"};
}

Result<RawCipher> RawCipher::Open(std::string_view head, const RawKeys& keys, std::string context) {
  ARROW_ASSIGN_OR_RAISE(const RawSeal seal, ParseRawSeal(head));
  const RawKey* key = keys.Find(seal.key_id);
  if (key == nullptr) return RawKeyMissing(seal.key_id, keys);
  const Json json = Json::parse(head, nullptr, /*allow_exceptions=*/false);
  const auto nonce_text = FromHex(json.value("nonce", Json()), kNonceBytes);
  auto wrapped = FromHex(json.value("wrapped", Json()), kKeyBytes + kTag);
  if (!nonce_text || !wrapped) return NotOpened("the head of a segment");
  Nonce nonce{};
  std::copy(nonce_text->begin(), nonce_text->end(), nonce.begin());
  if (!Crypt(false, key->bytes, nonce, WrapContext(context, seal.key_id, seal.of_state), {Bytes(&*wrapped), kKeyBytes},
             Bytes(&*wrapped) + kKeyBytes)) {
    return NotOpened("the head of a segment");
  }
  RawCipher out;
  std::copy(wrapped->begin(), wrapped->begin() + kKeyBytes, out.key_.begin());
  OPENSSL_cleanse(wrapped->data(), wrapped->size());
  out.context_ = std::move(context);
  out.head_ = std::string(head);
  return out;
}

Status RawCipher::Seal(char kind, uint64_t number, std::string* bytes) const {
  const size_t size = bytes->size();
  bytes->resize(size + kTag);
  const bool done = Crypt(true, key_, NonceOf(kind, number), AssociatedOf(context_, kind, number), {Bytes(bytes), size},
                          Bytes(bytes) + size);
  return done ? Status::OK() : CryptoFailed();
}

Result<std::string> RawCipher::Open(char kind, uint64_t number, std::string_view sealed) const {
  const std::string what = kind == kIndex ? "the index of a segment" : "entry " + std::to_string(number);
  if (sealed.size() < kTag) return NotOpened(what);
  std::string out(sealed);
  const size_t size = out.size() - kTag;
  if (!Crypt(false, key_, NonceOf(kind, number), AssociatedOf(context_, kind, number), {Bytes(&out), size},
             Bytes(&out) + size)) {
    return NotOpened(what);
  }
  out.resize(size);
  return out;
}

std::string AuthenticateRaw(const RawKey& key, std::string_view text) {
  const std::string_view master(reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size());
  const Sha256Digest own = HmacSha256(master, "firn raw archive mark");
  return HmacSha256Hex({reinterpret_cast<const char*>(own.data()), own.size()}, text);
}

}  // namespace firn::io
