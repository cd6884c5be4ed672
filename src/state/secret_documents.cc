#include "state/secret_documents.h"

#include <openssl/evp.h>

#include <array>
#include <memory>

#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "state/documents.h"

namespace firn::state {
namespace {

using Json = nlohmann::ordered_json;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

constexpr size_t kNonceBytes = 12;  // NIST SP 800-38D, section 8.2
constexpr size_t kTagBytes = 16;

uint8_t* BytesOf(std::string& text) {
  return reinterpret_cast<uint8_t*>(text.data());
}

const uint8_t* BytesOf(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// One key per name and configured secret; HMAC as in RFC 5869, with one block of output.
Sha256Digest KeyOf(std::string_view name, std::string_view secret) {
  return HmacSha256(secret, "firn state secret 1\n" + std::string(name));
}

// nonce, ciphertext, tag. The name is bound to it, so that documents cannot be exchanged for each other.
Result<std::string> Encrypt(std::string_view name, std::string_view secret, std::string_view text) {
  const Sha256Digest key = KeyOf(name, secret);
  std::array<uint8_t, kNonceBytes> nonce{};
  FillRandom(nonce);
  std::string out(kNonceBytes + text.size() + kTagBytes, '\0');
  std::copy(nonce.begin(), nonce.end(), out.begin());
  const Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  uint8_t* const body = BytesOf(out) + kNonceBytes;
  const bool done =
      cipher != nullptr &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce.data()) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, BytesOf(name), static_cast<int>(name.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), body, &size, BytesOf(text), static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), body + size, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, body + text.size()) == 1;
  if (!done) return MakeError(Fault::kBug, "a secret cannot be encrypted");
  return out;
}

std::optional<std::string> Decrypt(std::string_view name, std::string_view secret, std::string sealed) {
  if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
  const Sha256Digest key = KeyOf(name, secret);
  const size_t text_size = sealed.size() - kNonceBytes - kTagBytes;
  std::string text(text_size, '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  int size = 0;
  uint8_t* const nonce = BytesOf(sealed);
  uint8_t* const body = nonce + kNonceBytes;
  const bool done =
      cipher != nullptr && EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), nonce) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, BytesOf(name), static_cast<int>(name.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), BytesOf(text), &size, body, static_cast<int>(text_size)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, body + text_size) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), BytesOf(text) + size, &size) == 1;
  if (!done) return std::nullopt;
  return text;
}

int DigitOf(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    const int high = DigitOf(hex[i]);
    const int low = DigitOf(hex[i + 1]);
    if (high < 0 || low < 0) return "";
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace

Result<std::optional<std::string>> SecretDocuments::Load(std::string_view name, std::string_view secret) const {
  ARROW_ASSIGN_OR_RAISE(const auto found, documents_.Read(LocationOf(name)));
  if (!found) return std::nullopt;
  const Json json = Json::parse(found->bytes, nullptr, /*allow_exceptions=*/false);
  const Status readable = CheckDocument(LocationOf(name), json);
  if (!readable.ok() && FaultOf(readable) == Fault::kConfig) return readable;
  auto text = readable.ok() ? Decrypt(name, secret, FromHex(TextOf(json, "sealed"))) : std::nullopt;
  if (!text) log::Warn("kept secret not readable, the configured one is used", {{"document", LocationOf(name)}});
  return text;
}

Status SecretDocuments::Keep(std::string_view name, std::string_view secret, std::string_view text) const {
  ARROW_ASSIGN_OR_RAISE(const std::string sealed, Encrypt(name, secret, text));
  const Json json = {{"version", kDocumentVersion},
                     {"algorithm", "AES-256-GCM"},
                     {"sealed", HexOf(reinterpret_cast<const uint8_t*>(sealed.data()), sealed.size())}};
  ARROW_ASSIGN_OR_RAISE(const auto found, documents_.Read(LocationOf(name)));
  const auto version = found ? std::optional(found->version) : std::nullopt;
  return documents_.Put(LocationOf(name), json.dump(1) + "\n", version).status();
}

}  // namespace firn::state
