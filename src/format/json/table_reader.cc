#include "format/json/table_reader.h"

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "format/json/column_plan.h"
#include "format/json/decoder.h"
#include "format/json/inference.h"
#include "format/json/shape.h"

namespace firn::format::json {
namespace {

// One push on its way.
struct Task {
  std::shared_ptr<const Page> page;
  std::vector<uint32_t> rows;
  uint64_t tag = 0;
  uint64_t ordinal = 0;  // of the first row

  enum class State { kWaiting, kRunning, kDone } state = State::kWaiting;
  int64_t version = -1;  // of the plan it was decoded with
  Result<DecodedBatch> result = Status::UnknownError("not decoded");
};

// The plan that workers decode with.
struct Snapshot {
  int64_t version = 0;
  std::unique_ptr<Column> plan;
};

// A thread's own decoder, remade when the plan has changed.
struct FixedDecoder {
  std::unique_ptr<Decoder> decoder;
  int64_t version = -1;
};

class Reader : public TableReader {
 public:
  explicit Reader(TableReaderOptions options) : options_(std::move(options)) {
    if (!options_.pool) options_.pool = arrow::default_memory_pool();
  }
  ~Reader() override { StopWorkers(); }

  Status Init();
  Status Push(std::shared_ptr<const Page> page, std::vector<uint32_t> rows, uint64_t tag) override;
  Status Finish() override;
  Result<std::optional<DecodedRows>> Pop() override;
  int64_t bytes_held() const override { return bytes_held_; }
  bool in_prefix() const override { return !decoder_; }
  const InferenceReport& report() const override { return report_; }
  std::shared_ptr<const schema::Schema> schema() const override { return schema_; }

 private:
  void AddToPrefix(const Task& task);
  void Start(std::unique_ptr<Column> plan);
  void Publish();
  void StopWorkers();
  void Work(std::stop_token stop);
  Task* Claim();
  void RunFixed(Task& task, const std::shared_ptr<const Snapshot>& snapshot, FixedDecoder& own);
  void AwaitHead(std::unique_lock<std::mutex>& lock);
  Result<DecodedBatch> DecodeHead(Task& task);
  DecodedRows ToRows(Task& task, DecodedBatch batch);

  TableReaderOptions options_;
  TypingContext context_;
  InferenceReport report_;
  std::unique_ptr<Shape> shape_;      // while in the prefix
  std::unique_ptr<Decoder> decoder_;  // decodes in order and lets the plan grow
  std::shared_ptr<const schema::Schema> schema_;
  int64_t schema_version_ = -1;
  uint64_t next_ordinal_ = 0;
  int64_t bytes_held_ = 0;
  bool finished_ = false;

  std::mutex mutex_;
  std::condition_variable_any work_;          // a task waits
  std::condition_variable done_;              // a task is done
  std::deque<std::unique_ptr<Task>> tasks_;   // guarded by mutex_ once workers run
  std::shared_ptr<const Snapshot> snapshot_;  // guarded by mutex_
  FixedDecoder helper_;                       // the caller's
  std::vector<std::jthread> workers_;
};

Status Reader::Init() {
  ARROW_ASSIGN_OR_RAISE(context_.hints, HintTree::Make(options_.hints));
  if (!options_.masks.empty()) {
    ARROW_ASSIGN_OR_RAISE(context_.masks, MaskTree::Make(options_.masks));
  }
  context_.contract = options_.contract;
  context_.max_leaves = options_.max_leaves;
  context_.infer_dates = options_.infer_dates;
  context_.infer_timestamps = options_.infer_timestamps;
  if (options_.known) {
    Start(PlanFromSchema(*options_.known, context_));
  } else {
    shape_ = std::make_unique<Shape>();
  }
  return Status::OK();
}

Status Reader::Push(std::shared_ptr<const Page> page, std::vector<uint32_t> rows, uint64_t tag) {
  auto task = std::make_unique<Task>();
  task->page = std::move(page);
  task->rows = std::move(rows);
  task->tag = tag;
  task->ordinal = next_ordinal_;
  next_ordinal_ += task->rows.size();
  bytes_held_ += task->page->bytes_held();
  if (!decoder_) AddToPrefix(*task);
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  work_.notify_one();
  if (!decoder_ && report_.bytes >= options_.prefix_bytes) Start(Inference(context_, &report_).ResolveRow(*shape_));
  return Status::OK();
}

// The prefix ends with the record that reaches its length, wherever that stands in its page.
void Reader::AddToPrefix(const Task& task) {
  for (size_t i = 0; i < task.rows.size() && report_.bytes < options_.prefix_bytes; ++i) {
    AddRecord(*shape_, *task.page, task.rows[i], task.ordinal + i, context_);
    const Page::Span span = task.page->record(task.rows[i]);
    report_.bytes += span.end - span.begin;
    ++report_.rows;
  }
}

void Reader::Start(std::unique_ptr<Column> plan) {
  shape_.reset();
  decoder_ = std::make_unique<Decoder>(context_, std::move(plan), options_.on_bad, options_.pool);
  Publish();
  for (int i = 1; i < options_.num_threads; ++i) {
    workers_.emplace_back([this](std::stop_token stop) { Work(stop); });
  }
}

// Makes the decoder's plan the one that workers and callers see.
void Reader::Publish() {
  if (schema_version_ == decoder_->plan_version()) return;
  schema_version_ = decoder_->plan_version();
  schema_ = std::make_shared<const schema::Schema>(SchemaOf(decoder_->plan()));
  if (options_.num_threads <= 1) return;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->version = schema_version_;
  snapshot->plan = ClonePlan(decoder_->plan(), nullptr);
  const std::lock_guard lock(mutex_);
  snapshot_ = std::move(snapshot);
}

Status Reader::Finish() {
  finished_ = true;
  if (!decoder_) Start(Inference(context_, &report_).ResolveRow(*shape_));
  return Status::OK();
}

void Reader::StopWorkers() {
  for (std::jthread& worker : workers_) worker.request_stop();
  workers_.clear();  // joins
}

// Claims the first task that waits; null if there is none. mutex_ is held.
Task* Reader::Claim() {
  for (const auto& task : tasks_) {
    if (task->state != Task::State::kWaiting) continue;
    task->state = Task::State::kRunning;
    return task.get();
  }
  return nullptr;
}

// Decodes a claimed task with the plan as it was published. mutex_ is not held.
void Reader::RunFixed(Task& task, const std::shared_ptr<const Snapshot>& snapshot, FixedDecoder& own) {
  if (!own.decoder || own.version != snapshot->version) {
    auto plan = ClonePlan(*snapshot->plan, nullptr);
    own.decoder = std::make_unique<Decoder>(context_, std::move(plan), options_.on_bad, options_.pool);
    own.version = snapshot->version;
  }
  Result<DecodedBatch> result = own.decoder->Decode(*task.page, task.rows, task.ordinal, Evolution::kFixed);
  {
    const std::lock_guard lock(mutex_);
    task.result = std::move(result);
    task.version = own.version;
    task.state = Task::State::kDone;
  }
  done_.notify_one();
}

void Reader::Work(std::stop_token stop) {
  FixedDecoder own;
  while (true) {
    Task* task = nullptr;
    std::shared_ptr<const Snapshot> snapshot;
    {
      std::unique_lock lock(mutex_);
      if (!work_.wait(lock, stop, [&] { return (task = Claim()) != nullptr; })) return;
      snapshot = snapshot_;
    }
    RunFixed(*task, snapshot, own);
  }
}

// Waits until the head is not being decoded; decodes later tasks meanwhile.
void Reader::AwaitHead(std::unique_lock<std::mutex>& lock) {
  while (tasks_.front()->state == Task::State::kRunning) {
    Task* other = Claim();
    if (!other) {
      done_.wait(lock);
      continue;
    }
    const std::shared_ptr<const Snapshot> snapshot = snapshot_;
    lock.unlock();
    RunFixed(*other, snapshot, helper_);
    lock.lock();
  }
}

// Returns the head's rows: those of a worker if its plan is still the plan, else decoded here.
Result<DecodedBatch> Reader::DecodeHead(Task& task) {
  if (task.state == Task::State::kDone && task.version == decoder_->plan_version() &&
      !(task.result.ok() && task.result->stopped)) {
    return std::move(task.result);
  }
  return decoder_->Decode(*task.page, task.rows, task.ordinal, Evolution::kEvolve);
}

Result<std::optional<DecodedRows>> Reader::Pop() {
  if (!decoder_) return std::nullopt;
  std::unique_ptr<Task> task;
  {
    std::unique_lock lock(mutex_);
    if (tasks_.empty()) return std::nullopt;
    Task& head = *tasks_.front();
    const bool gather =
        options_.num_threads > 1 && !finished_ && tasks_.size() < static_cast<size_t>(2 * options_.num_threads);
    if (gather && head.state != Task::State::kDone) return std::nullopt;
    AwaitHead(lock);
    if (head.state == Task::State::kWaiting) head.state = Task::State::kRunning;
    task = std::move(tasks_.front());
    tasks_.pop_front();
  }
  bytes_held_ -= task->page->bytes_held();
  ARROW_ASSIGN_OR_RAISE(DecodedBatch batch, DecodeHead(*task));
  Publish();
  return ToRows(*task, std::move(batch));
}

DecodedRows Reader::ToRows(Task& task, DecodedBatch batch) {
  return {.batch = std::move(batch.batch),
          .schema = schema_,
          .tag = task.tag,
          .rows = std::move(batch.rows),
          .quarantined = std::move(batch.quarantined),
          .counters = batch.counters};
}

}  // namespace

Result<std::unique_ptr<TableReader>> TableReader::Open(TableReaderOptions options) {
  auto reader = std::make_unique<Reader>(std::move(options));
  ARROW_RETURN_NOT_OK(reader->Init());
  return std::unique_ptr<TableReader>(std::move(reader));
}

}  // namespace firn::format::json
