#pragma once

#include <memory>
#include <string>
#include <vector>

#include "format/json/page.h"
#include "format/json/structural_index.h"
#include "format/json/structural_walker.h"

namespace firn::format::json {

/// Fills a Page: layout, record boundaries, captures. One use.
class PageBuilder {
 public:
  PageBuilder(std::shared_ptr<arrow::Buffer> buffer, const PageOptions& options);
  Result<std::shared_ptr<const Page>> Build();

 private:
  Status CheckBody();
  Status Index();
  bool LooksLikeLines() const;
  bool FirstValueIsOneLine() const;
  Status ReadLines(const std::vector<StructuralIndex::Broken>& broken);
  Status ReadBrokenLines();
  Result<std::string> GuessPath() const;
  Status ReadDocument();
  const uint32_t* Locate(const uint32_t* at, size_t segment);
  const uint32_t* LocateInArray(const uint32_t* at, size_t segment);
  const uint32_t* LocateInObject(const uint32_t* at, size_t segment);
  const uint32_t* TakeRecords(const uint32_t* at);
  const uint32_t* Fail(const char* reason, const uint32_t* at);
  Status NoteBad(uint32_t begin, uint32_t end, const char* reason);
  void Capture();
  Status SyntaxError(const SyntaxFault& fault) const;
  const uint8_t* bytes() const { return reinterpret_cast<const uint8_t*>(page_->body_.data()); }

  std::shared_ptr<Page> page_;
  const PageOptions& options_;
  std::vector<std::string> segments_;
  const uint32_t* begin_ = nullptr;
  const uint32_t* end_ = nullptr;
  SyntaxFault fault_;
  bool found_ = false;
};

}  // namespace firn::format::json
