#include "source/airbyte/ascii_letters.h"

#include "expression/jinja/unicode.h"

namespace firn::source::airbyte {
namespace {

/// The spellings of consecutive characters, with spaces between them; `.` is an empty one.
struct Block {
  char32_t first;
  std::string_view spellings;
};

// Spellings of anyascii 0.3 (ISC licence); what is neither letter nor digit is `-` here.
constexpr Block kBlocks[] = {
    {0x00A0,  // Latin
     "- - c GBP - Y - S - -C- a -- - . -R- - deg -- 2 3 - u P - - 1 o -- 1-4 1-2 3-4 - A A A A A A Ae C E E E E I "
     "I I I D N O O O O O - O U U U U Y Th ss a a a a a a ae c e e e e i i i i d n o o o o o - o u u u u y th y A "
     "a A a A a C c C c C c C c D d D d E e E e E e E e E e G g G g G g G g H h H h I i I i I i I i I i IJ ij J j "
     "K k q L l L l L l L l L l N n N n N n -n Ng ng O o O o O o Oe oe R r R r R r S s S s S s S s T t T t T t U "
     "u U u U u U u U u U u W w Y y Y Z z Z z Z z s b B B b 6 6 O C c D D D d z E E E F f G G hw I I K k l l W N "
     "n O O o Gh gh P p R 2 2 Sh sh t T t T U u U V Y y Z z Zh - - zh dz 5 5 ts w c x qc q DZ Dz dz LJ Lj lj NJ "
     "Nj nj A a I i O o U u U u U u U u U u e A a A a Ae ae G g G g K k O o O o Zh zh j DZ Dz dz G g Hw W N n A a "
     "Ae ae O o A a A a E e E e I i I i O o O o R r R r U u U u S s T t Y y H h N d Ou ou Z z A a E e O o O o O o "
     "O o Y y l n t j db qp A C c L T s z - - B U A E e J j Q q R r Y y"},
    {0x0370,  // Greek
     "H h S s - - W w . . i s s- s- - J . . . . - -- A - E I I . O . Y O i A V G D E Z I Th I K L M N X O P R . S "
     "T Y F Ch Ps O I Y a e i i y a v g d e z i th i k l m n x o p r s s t y f ch ps o i y o y o - b th Y Y Y ph "
     "p - Q q St st W w Q q S s Sh sh F f X x H h J j C c Ti ti k r s j Th e e Sh sh S S s r- S S- S-"},
    {0x0400,  // Cyrillic
     "E E Dj G Ie Dz I I J Lj Nj C K I U Dzh A B V G D E Zh Z I Y K L M N O P R S T U F Kh Ts Ch Sh Shch - Y - E "
     "Yu Ya a b v g d e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya e e dj g ie dz i i j lj nj "
     "c k i u dzh"},
    {0x1E00,  // Latin, more marks
     "A a B b B b B b C c D d D d D d D d D d E e E e E e E e E e F f G g H h H h H h H h H h I i I i K k K k K k "
     "L l L l L l L l M m M m M m N n N n N n N n O o O o O o O o P p P p R r R r R r R r S s S s S s S s S s T t "
     "T t T t T t U u U u U u U u U u V v V v W w W w W w W w W w X x X x Y y Z z Z z Z z h t w y a- s s- s- Ss d "
     "A a A a A a A a A a A a A a A a A a A a A a A a E e E e E e E e E e E e E e E e I i I i O o O o O o O o O o "
     "O o O o O o O o O o O o O o U u U u U u U u U u U u U u Y y Y y Y y Y y Ll ll V v Y y"},
    {0x20A0,  // currencies
     "CE C Cr F L m N Pts Rs W NIS d EUR K T Dr Pf P G A HRN C lt Sm T Rs TL M Manat Rb Lari BTC"},
};

std::string_view SpellingOf(char32_t code) {
  for (const Block& block : kBlocks) {
    if (code < block.first) continue;
    size_t at = 0;
    for (char32_t skipped = block.first; skipped < code && at != std::string_view::npos; ++skipped) {
      at = block.spellings.find(' ', at);
      if (at != std::string_view::npos) ++at;
    }
    if (at == std::string_view::npos) continue;
    const std::string_view spelling = block.spellings.substr(at, block.spellings.find(' ', at) - at);
    return spelling == "." ? "" : spelling;
  }
  return "-";
}

}  // namespace

std::string AsciiLetters(std::string_view text) {
  if (expression::jinja::IsAscii(text)) return std::string(text);
  std::string out;
  for (const char32_t code : expression::jinja::Decode(text)) {
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else {
      out += SpellingOf(code);
    }
  }
  return out;
}

}  // namespace firn::source::airbyte
