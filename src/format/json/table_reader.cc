#include "format/json/table_reader.h"

#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>

#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "format/cell_page.h"
#include "format/json/column_plan.h"
#include "format/json/decoder.h"
#include "format/json/inference.h"
#include "format/json/shape.h"

namespace firn::format::json {
namespace {

// Rows of so many leaves show new ones for long, and to give rows again costs more than to look at them first.
constexpr int64_t kWideLeaves = 512;
constexpr int64_t kWideGuesses = 64;  // times the bytes of a first guess

// Which plan: of which decoder, and how often grown.
struct PlanVersion {
  uint64_t generation = 0;
  int64_t growth = -1;
  friend bool operator==(const PlanVersion&, const PlanVersion&) = default;
};
// One push on its way.
struct Task {
  std::shared_ptr<const Page> page;
  std::vector<uint32_t> rows;
  uint64_t tag = 0;
  uint64_t ordinal = 0;    // of the first row
  size_t prefix_rows = 0;  // the first of them, that types are decided over
  bool shaped = false;     // those have been added to the shape
  int64_t bytes_held = 0;

  enum class State { kWaiting, kRunning, kDone } state = State::kWaiting;
  PlanVersion version;  // it was decoded with
  Result<DecodedBatch> result = Status::UnknownError("not decoded");

  bool all_in_prefix() const { return prefix_rows == rows.size(); }
};

Result<std::shared_ptr<const Page>> IndexedPage(const Task& task) {
  if (task.page->has_index()) return task.page;
  return task.page->Reindexed();
}

// The plan that workers decode with.
struct Snapshot {
  PlanVersion version;
  bool guessed = false;
  std::unique_ptr<Column> plan;
};

// A thread's own decoder, remade when the plan has changed.
struct FixedDecoder {
  std::unique_ptr<Decoder> decoder;
  PlanVersion version;
};

// While types are not decided, pages are collected and their shapes added up. With may_restart the types are guessed
// early and rows are given by the guess, each looked at whether it would leave the guess as it is (Evolution::kGuess).
// Their pages stay, without their index, in `given_`: a row that might change the guess has all shapes made up for and
// the types resolved again. If they differ, everything is given again.
class Reader : public TableReader {
 public:
  explicit Reader(TableReaderOptions options) : options_(std::move(options)), guess_at_(options_.guess_bytes) {
    if (!options_.pool) options_.pool = arrow::default_memory_pool();
  }
  ~Reader() override { StopWorkers(); }

  Status Init();
  Status Push(std::shared_ptr<const Page> page, std::vector<uint32_t> rows, uint64_t tag) override;
  void Hold(int64_t num_bytes) override { prefix_held_ += num_bytes; }
  Status Finish() override;
  Result<std::optional<DecodedRows>> Pop() override;
  int64_t bytes_held() const override { return bytes_held_; }
  bool in_prefix() const override { return phase_ != Phase::kDecided || restart_; }
  const InferenceReport& report() const override { return report_; }
  std::shared_ptr<const schema::Schema> schema() const override { return schema_; }

 private:
  enum class Phase { kCollecting, kGuessed, kDecided };
  enum class Given { kStays, kComesAgain };

  void NoteShare(Task& task);
  Status AddToShape(Task& task);
  void MaybeStart();
  bool PrefixFull() const {
    return prefix_bytes_ >= options_.prefix_bytes || prefix_held_ >= options_.prefix_held_bytes;
  }
  bool PrefixEnded() const { return finished_ || PrefixFull(); }
  bool IsDependable(const InferenceReport& report) const;
  void Start(std::unique_ptr<Column> plan, Phase phase, Given given);
  void Publish(std::shared_ptr<const schema::Schema> schema = nullptr);
  void Confirm();
  Status GuessAgain(std::unique_ptr<Task> task);
  void GiveAgain();
  void Keep(std::unique_ptr<Task> task);
  Status ShapeAll();
  void Collect(int64_t until_bytes);
  void PutBack(std::unique_ptr<Task> task);

  void StopWorkers();
  void Work(std::stop_token stop);
  Task* Claim();
  void RunFixed(Task& task, const std::shared_ptr<const Snapshot>& snapshot, FixedDecoder& own);
  void AwaitHead(std::unique_lock<std::mutex>& lock);
  std::unique_ptr<Task> TakeHead();
  PlanVersion version() const { return {generation_, decoder_->plan_version()}; }
  Result<DecodedBatch> DecodeHead(Task& task, Evolution evolution);
  Result<bool> BoundaryFits(Task& task);
  DecodedRows ToRows(Task& task, DecodedBatch batch);

  TableReaderOptions options_;
  TypingContext context_;
  InferenceReport report_;
  Phase phase_ = Phase::kCollecting;
  std::unique_ptr<Shape> shape_;             // until types are decided
  std::deque<std::unique_ptr<Task>> given_;  // by a guess
  std::weak_ptr<const Page> bare_of_;        // the page whose form without index is `bare_`
  std::weak_ptr<const Page> bare_;
  int64_t prefix_bytes_ = 0;
  int64_t prefix_held_ = 0;
  int64_t prefix_rows_ = 0;
  int64_t guess_at_;                  // prefix bytes of the next guess
  bool restart_ = false;              // the next rows are the first once more
  uint64_t generation_ = 0;           // of the decoder
  std::unique_ptr<Decoder> decoder_;  // decodes in order and lets the plan grow
  std::shared_ptr<const schema::Schema> schema_;
  PlanVersion published_;
  uint64_t next_ordinal_ = 0;
  int64_t bytes_held_ = 0;
  bool finished_ = false;
  std::optional<bool> of_cells_;  // whether pages are of cells

  std::mutex mutex_;
  std::condition_variable_any work_;          // a task waits
  std::condition_variable done_;              // a task is done
  std::deque<std::unique_ptr<Task>> tasks_;   // guarded by mutex_ once workers run
  std::shared_ptr<const Snapshot> snapshot_;  // guarded by mutex_; null: nothing may be decoded
  FixedDecoder helper_;                       // the caller's
  std::vector<std::jthread> workers_;
};

Status Reader::Init() {
  ARROW_ASSIGN_OR_RAISE(context_.hints, HintTree::Make(options_.hints));
  if (!options_.masks.empty()) {
    ARROW_ASSIGN_OR_RAISE(context_.masks, MaskTree::Make(options_.masks));
  }
  context_.contract = options_.contract;
  context_.key_columns = options_.key_columns;
  context_.defaults = options_.defaults;
  context_.max_leaves = options_.max_leaves;
  context_.infer_dates = options_.infer_dates;
  context_.infer_timestamps = options_.infer_timestamps;
  if (options_.known) {
    auto plan = PlanFromSchema(*options_.known, context_);
    ARROW_RETURN_NOT_OK(CheckMasksHold(*plan));
    Start(std::move(plan), Phase::kDecided, Given::kStays);
  } else {
    shape_ = std::make_unique<Shape>();
  }
  return Status::OK();
}

Status Reader::Push(std::shared_ptr<const Page> page, std::vector<uint32_t> rows, uint64_t tag) {
  const bool of_cells = page->cells() != nullptr;
  if (of_cells_.value_or(of_cells) != of_cells) {
    return MakeError(Fault::kConfig, "rows of CSV and of JSON do not make one table in one run");
  }
  of_cells_ = of_cells;
  auto task = std::make_unique<Task>();
  task->page = std::move(page);
  task->rows = std::move(rows);
  task->tag = tag;
  task->ordinal = next_ordinal_;
  task->bytes_held = task->page->bytes_held();
  next_ordinal_ += task->rows.size();
  bytes_held_ += task->bytes_held;
  if (phase_ != Phase::kDecided) NoteShare(*task);
  if (phase_ == Phase::kCollecting) ARROW_RETURN_NOT_OK(AddToShape(*task));
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  work_.notify_one();
  if (phase_ == Phase::kCollecting) MaybeStart();
  return Status::OK();
}

// The prefix ends with the record that fills it, wherever that stands in its page.
void Reader::NoteShare(Task& task) {
  const size_t num_cells = task.page->cells() == nullptr ? 0 : task.page->cells()->num_columns();
  for (; task.prefix_rows < task.rows.size() && !PrefixFull(); ++task.prefix_rows) {
    const Page::Span span = task.page->record(task.rows[task.prefix_rows]);
    prefix_bytes_ += span.end - span.begin;
    prefix_held_ += PrefixBytesHeld(span.end - span.begin, num_cells);
    ++prefix_rows_;
  }
}

Status Reader::AddToShape(Task& task) {
  if (std::exchange(task.shaped, true) || task.prefix_rows == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto page, IndexedPage(task));
  for (size_t i = 0; i < task.prefix_rows; ++i) {
    AddRecord(*shape_, *page, task.rows[i], task.ordinal + i, context_);
  }
  return Status::OK();
}

// Decides or guesses the types if it is time. All tasks have been added to the shape.
void Reader::MaybeStart() {
  const bool decide = PrefixEnded();
  if (!decide && (!options_.may_restart || prefix_bytes_ < guess_at_)) return;
  InferenceReport report;
  auto plan = Inference(context_, &report).ResolveRow(*shape_);
  if (!decide && !IsDependable(report)) {
    guess_at_ = 2 * prefix_bytes_;
    return;
  }
  const int64_t wide_guess_at = options_.guess_bytes * kWideGuesses;
  if (!decide && prefix_bytes_ < wide_guess_at && LeafCount(*plan) > kWideLeaves) {
    guess_at_ = wide_guess_at;
    return;
  }
  report_ = std::move(report);
  Start(std::move(plan), decide ? Phase::kDecided : Phase::kGuessed, Given::kComesAgain);
}

// False if rows that fit the types could still change them: an object taken for a map becomes a struct when its keys
// come again, another subtree may get the most leaves, a declared key that is yet to come gets its place then.
bool Reader::IsDependable(const InferenceReport& report) const {
  for (const InferenceNote& note : report.notes) {
    if (note.kind == InferenceNote::Kind::kJsonMap || note.kind == InferenceNote::Kind::kJsonOverflow) return false;
  }
  for (const auto& [key, hints] : context_.hints.children()) {
    if (!shape_->by_key.contains(key)) return false;
  }
  return true;
}

void Reader::Start(std::unique_ptr<Column> plan, Phase phase, Given given) {
  phase_ = phase;
  ++generation_;
  decoder_ = std::make_unique<Decoder>(context_, std::move(plan), options_.on_bad, options_.pool);
  if (!given_.empty() && given == Given::kComesAgain) GiveAgain();
  guess_at_ = restart_ ? 2 * prefix_bytes_ : guess_at_;
  if (phase == Phase::kDecided) Confirm();
  Publish(given == Given::kStays ? schema_ : nullptr);
  work_.notify_all();
  for (int i = static_cast<int>(workers_.size()) + 1; i < options_.num_threads; ++i) {
    workers_.emplace_back([this](std::stop_token stop) { Work(stop); });
  }
}

// Makes the decoder's plan the one that workers and callers see. `schema`: of the plan, null: to be made.
void Reader::Publish(std::shared_ptr<const schema::Schema> schema) {
  if (published_ == version()) return;
  published_ = version();
  if (schema == nullptr) schema = std::make_shared<const schema::Schema>(SchemaOf(decoder_->plan()));
  schema_ = std::move(schema);
  if (options_.num_threads <= 1) return;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->version = published_;
  snapshot->guessed = phase_ == Phase::kGuessed;
  snapshot->plan = ClonePlan(decoder_->plan(), nullptr);
  const std::lock_guard lock(mutex_);
  snapshot_ = std::move(snapshot);
}

// The types are what they are.
void Reader::Confirm() {
  phase_ = Phase::kDecided;
  report_.rows = prefix_rows_;
  report_.bytes = prefix_bytes_;
  for (const auto& task : given_) bytes_held_ -= task->bytes_held;
  given_.clear();
  shape_.reset();
}

// Lets all rows given so far come again.
void Reader::GiveAgain() {
  restart_ = true;
  const std::lock_guard lock(mutex_);
  for (const auto& task : tasks_) {
    if (task->state == Task::State::kDone) task->state = Task::State::kWaiting;
  }
  for (; !given_.empty(); given_.pop_back()) tasks_.push_front(std::move(given_.back()));
}

// Keeps the page of rows that were given by a guess.
void Reader::Keep(std::unique_ptr<Task> task) {
  if (bare_of_.lock() != task->page || bare_.expired()) bare_ = {};
  std::shared_ptr<const Page> bare = bare_.lock();
  if (!bare) bare = task->page->WithoutIndex();
  bare_of_ = task->page;
  bare_ = bare;
  bytes_held_ += bare->bytes_held() - task->bytes_held;
  task->bytes_held = bare->bytes_held();
  task->page = std::move(bare);
  task->state = Task::State::kWaiting;
  task->result = Status::UnknownError("not decoded");
  given_.push_back(std::move(task));
}

// `task`: the first that the guess may not fit. Resolves the types over everything that is known. Where they are as
// guessed, what was given stays; where they are not, it comes again, at once or, so that all of it together costs no
// more than reading twice or so, when there is twice as much.
Status Reader::GuessAgain(std::unique_ptr<Task> task) {
  PutBack(std::move(task));
  ARROW_RETURN_NOT_OK(ShapeAll());
  InferenceReport report;
  auto plan = Inference(context_, &report).ResolveRow(*shape_);
  const bool decide = PrefixEnded();
  const bool same = SamePlan(*plan, decoder_->plan());
  const bool dependable = IsDependable(report);
  if (!decide && same && dependable && SameDeferred(*plan, decoder_->plan())) return Status::OK();
  if (decide || (dependable && (same || prefix_bytes_ >= guess_at_))) {
    report_ = std::move(report);
    Start(std::move(plan), decide ? Phase::kDecided : Phase::kGuessed, same ? Given::kStays : Given::kComesAgain);
  } else {
    Collect(dependable ? guess_at_ : 2 * prefix_bytes_);
  }
  return Status::OK();
}

Status Reader::ShapeAll() {
  for (const auto& given : given_) ARROW_RETURN_NOT_OK(AddToShape(*given));
  for (const auto& waiting : tasks_) ARROW_RETURN_NOT_OK(AddToShape(*waiting));
  return Status::OK();
}

// Gives up guessing until there are `until_bytes` of the prefix.
void Reader::Collect(int64_t until_bytes) {
  phase_ = Phase::kCollecting;
  guess_at_ = until_bytes;
  const std::lock_guard lock(mutex_);
  snapshot_ = nullptr;
}

void Reader::PutBack(std::unique_ptr<Task> task) {
  const std::lock_guard lock(mutex_);
  task->state = Task::State::kWaiting;
  tasks_.push_front(std::move(task));
}

Status Reader::Finish() {
  finished_ = true;
  if (phase_ == Phase::kCollecting) MaybeStart();
  return Status::OK();
}

void Reader::StopWorkers() {
  for (std::jthread& worker : workers_) worker.request_stop();
  workers_.clear();  // joins
}

// Claims the first task that waits; null if there is none. mutex_ is held.
Task* Reader::Claim() {
  if (!snapshot_) return nullptr;
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
  const bool guess = snapshot->guessed && task.all_in_prefix();
  const auto decode = [&]() -> Result<DecodedBatch> {
    ARROW_ASSIGN_OR_RAISE(const auto page, IndexedPage(task));
    return own.decoder->Decode(*page, task.rows, task.ordinal, guess ? Evolution::kGuess : Evolution::kFixed);
  };
  Result<DecodedBatch> result = decode();
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

// Takes the oldest task, which is then with no worker; null if more should be pushed first.
std::unique_ptr<Task> Reader::TakeHead() {
  std::unique_lock lock(mutex_);
  if (tasks_.empty()) return nullptr;
  Task& head = *tasks_.front();
  const size_t full = 2 * static_cast<size_t>(options_.num_threads);
  const bool gather = options_.num_threads > 1 && !finished_ && tasks_.size() < full;
  if (gather && head.state != Task::State::kDone) return nullptr;
  AwaitHead(lock);
  if (head.state == Task::State::kWaiting) head.state = Task::State::kRunning;
  std::unique_ptr<Task> task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

// Returns the head's rows: those of a worker if its plan is still the plan, else decoded here.
Result<DecodedBatch> Reader::DecodeHead(Task& task, Evolution evolution) {
  const bool stopped = task.result.ok() && task.result->stopped && evolution != Evolution::kGuess;
  if (task.state == Task::State::kDone && task.version == version() && !stopped) return std::move(task.result);
  ARROW_ASSIGN_OR_RAISE(const auto page, IndexedPage(task));
  return decoder_->Decode(*page, task.rows, task.ordinal, evolution);
}

// True if the rows of the task that end the prefix leave the guess as it is.
Result<bool> Reader::BoundaryFits(Task& task) {
  if (task.prefix_rows == 0 || task.shaped) return true;
  ARROW_ASSIGN_OR_RAISE(const auto page, IndexedPage(task));
  const std::span<const uint32_t> rows(task.rows.data(), task.prefix_rows);
  ARROW_ASSIGN_OR_RAISE(const DecodedBatch batch, decoder_->Decode(*page, rows, task.ordinal, Evolution::kGuess));
  return !batch.stopped;
}

Result<std::optional<DecodedRows>> Reader::Pop() {
  while (phase_ != Phase::kCollecting) {
    std::unique_ptr<Task> task = TakeHead();
    if (!task) {
      if (phase_ == Phase::kGuessed && finished_) Confirm();  // nothing is left that could speak against the guess
      return std::nullopt;
    }
    if (phase_ == Phase::kGuessed && !task->all_in_prefix()) {
      ARROW_ASSIGN_OR_RAISE(const bool fits, BoundaryFits(*task));
      if (!fits) {
        ARROW_RETURN_NOT_OK(GuessAgain(std::move(task)));
        continue;
      }
      Confirm();
    }
    const Evolution guessing = task->shaped ? Evolution::kFixed : Evolution::kGuess;
    const Evolution evolution = phase_ == Phase::kGuessed ? guessing : Evolution::kEvolve;
    ARROW_ASSIGN_OR_RAISE(DecodedBatch batch, DecodeHead(*task, evolution));
    if (batch.stopped && evolution == Evolution::kFixed) {  // a column has to be added once types are decided
      PutBack(std::move(task));
      ARROW_RETURN_NOT_OK(ShapeAll());
      Collect(std::numeric_limits<int64_t>::max());
      if (PrefixEnded()) MaybeStart();
      continue;
    }
    if (batch.stopped) {
      ARROW_RETURN_NOT_OK(GuessAgain(std::move(task)));
      continue;
    }
    Publish();
    DecodedRows rows = ToRows(*task, std::move(batch));
    if (phase_ == Phase::kGuessed) {
      Keep(std::move(task));
    } else {
      bytes_held_ -= task->bytes_held;
    }
    return rows;
  }
  return std::nullopt;
}

DecodedRows Reader::ToRows(Task& task, DecodedBatch batch) {
  return {.restart = std::exchange(restart_, false),
          .batch = std::move(batch.batch),
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
