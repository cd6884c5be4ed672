#pragma once

#include <memory>
#include <string>

#include "format/json/column_plan.h"
#include "format/json/report.h"
#include "format/json/shape.h"

namespace firn::format::json {

/// Decides types: shapes to columns. Rules (in this order, per path):
///   - a masked path is a string; a declared one has its declared type; an expected type decides where nothing but
///     null was seen, makes whole numbers a double and keeps texts that look like times text;
///   - nothing but null and [] gives no column (deferred); null is no kind;
///   - integers: long; decimal(p,0) if one is beyond int64; text in `__string` beyond 38 digits;
///   - fractions: double if the shortest round trip equals the source; the others go to `__decimal` (decimal(i+f, f)
///     over all of them, if i+f <= 38), else to `__string`;
///   - integers and fractions are one kind, double, if every integer is within 2^53;
///   - strings: timestamptz, timestamp or date if every one of them is that, else string;
///   - objects: struct, `_empty` if no key has a type; arrays: list, of JSON text if the elements have several types;
///   - text cells (of a CSV file) have one type together: if all are booleans, numbers, or times of one kind, that
///     (numbers: long, double if every one is exact in it, else decimal(i+f, f) up to 38 digits), else text;
///   - the kind seen first (least row, then place in it) gets the name, the others `<name>__<type>`;
///   - an object below the top level with more than 200 keys seen once each is JSON text, and so is, while there are
///     more than max_leaves leaves, the subtree below the top level that has most of them (ties by path).
class Inference {
 public:
  explicit Inference(const TypingContext& context, InferenceReport* report = nullptr)
      : context_(context), report_(report) {}

  /// Returns the row's struct.
  std::unique_ptr<Column> ResolveRow(const Shape& root);

  struct Place {
    const MaskTree* masks = nullptr;
    const HintTree* hints = nullptr;
    int depth = 0;     // of the struct that the key is in; the row is 0
    std::string path;  // source path of the key
  };
  /// Returns the field of a key with all its columns, named and placed in `owner`; null if the type is not yet known.
  std::unique_ptr<KeyField> ResolveField(Column& owner, const std::string& key, const Shape& shape, const Place& place);
  /// Returns a sibling column for one value that fits no column of `field`, placed in `owner`; null if its type is not
  /// yet known. `shape`: of that value alone.
  std::unique_ptr<Column> ResolveSibling(Column& owner, const KeyField& field, const Shape& shape, const Place& place);

  /// Returns a plain text sibling, for numbers that no type holds.
  std::unique_ptr<Column> TextSibling(Column& owner, const KeyField& field, const Place& place);

 private:
  struct Spec;
  std::unique_ptr<Column> PlaceSibling(std::unique_ptr<Column> column, const char* suffix, Column& owner,
                                       const KeyField& field, const Place& place);
  std::vector<Spec> Specs(const Shape& shape, const Place& place) const;
  static void Expect(const ColumnHint& expected, const Shape& shape, std::vector<Spec>& specs);
  void AddNumberSpecs(const Shape& shape, std::vector<Spec>& specs) const;
  Spec StringSpec(const Shape& shape) const;
  std::vector<Spec> CellSpecs(const Shape& shape) const;
  std::unique_ptr<Column> Make(const Spec& spec, const Shape& shape, const Place& place);
  std::unique_ptr<Column> MakeStruct(const Shape& shape, const Place& place);
  std::unique_ptr<Column> MakeContainer(Kind kind, const Shape& shape, const Place& place);
  std::unique_ptr<Column> Declared(const Place& place);
  void FillStruct(Column& structure, const Shape& shape, const Place& place);
  void AddUnseenDeclared(Column& root);
  void FitLeaves(Column& root);
  std::unique_ptr<KeyField> FieldWithName(Column& owner, const std::string& key, std::string name, const Shape& shape,
                                          const Place& place);
  void Note(InferenceNote::Kind kind, const Place& place, std::string column, std::string detail = "");

  const TypingContext& context_;
  InferenceReport* report_;
};

}  // namespace firn::format::json
