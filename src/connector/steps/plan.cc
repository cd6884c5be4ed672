#include "connector/steps/plan.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "base/edit_distance.h"
#include "config/file_form.h"
#include "config/lowering.h"
#include "config/poll_times.h"
#include "config/steps_fields.h"
#include "config/text_position.h"

namespace firn::connector::steps {
namespace {

using config::Node;
using config::NodeKind;
using config::ObjectView;
using config::Shown;
using javascript::Value;

// True if the host of a URL stands before its first expression.
bool HostIsWritten(std::string_view url) {
  const std::string_view literal = url.substr(0, url.find("{{"));
  const size_t scheme = literal.find("://");
  return scheme != std::string_view::npos && literal.find_first_of("/?#", scheme + 3) != std::string_view::npos;
}

/// The names that expressions of one place may use.
using Names = std::vector<std::string>;

class Planner {
 public:
  Planner(const config::Workflow& workflow, config::Diagnostics* diagnostics)
      : workflow_(workflow), diagnostics_(diagnostics), file_(&workflow.root, config::WorkflowFileType()) {}

  Result<WorkflowPlan> Run() {
    const size_t errors_before = diagnostics_->num_errors();
    plan_.name = workflow_.name;
    AddInputs();
    plan_.throttle = Throttle(file_);
    CollectStates();
    for (const Node& step : file_.Find("do")->items) {
      const ObjectView view(&step, *config::StepType());
      if (view.Has("emit")) {
        AddEmit(view, step);
      } else {
        AddStep(view, step);
      }
    }
    AddStates();
    JudgeRows();
    if (diagnostics_->num_errors() > errors_before) return diagnostics_->ToStatus();
    return std::move(plan_);
  }

 private:
  config::Diagnostic& Error(const config::Span& place, std::string message) {
    return diagnostics_->AddError("E0531", place, std::move(message));
  }

  void AddInputs() {
    for (const config::Field& field : workflow_.inputs.fields) {
      InputPlan input{.name = field.name, .otherwise = Value(), .secret = field.secret};
      const Node* otherwise = file_.Find("inputs")->Find(field.name)->Find("default");
      if (otherwise != nullptr) input.otherwise = ConstantOf(*otherwise);
      plan_.inputs.push_back(std::move(input));
    }
  }

  static std::optional<ThrottlePlan> Throttle(const ObjectView& owner) {
    if (!owner.Has("throttle")) return std::nullopt;
    const ObjectView view = owner.Object("throttle");
    const auto requests = static_cast<double>(view.Int("requests"));
    return ThrottlePlan{.requests_per_second = requests * 1000.0 / static_cast<double>(view.Int("per")),
                        .burst = static_cast<int>(view.Int("requests"))};
  }

  void CollectStates() {
    if (const Node* states = file_.Find("state")) {
      for (const config::Entry& entry : states->entries) state_names_.push_back(entry.key);
    }
  }

  void AddStep(const ObjectView& view, const Node& node) {
    for (const char* const field : {"from", "key", "when", "transform"}) {
      if (view.Has(field)) {
        Error(view.Find(field)->span, "`" + std::string(field) + "` belongs to an `emit`").help =
            "write it into the step that emits these rows";
      }
    }
    StepPlan step{.id = view.Text("id"), .where = ToString(node.span)};
    if (step.id.empty() || !view.Has("request")) {
      Error(node.span, "a step has `id` and `request`, or `emit` and `from`").help =
          "write {\"id\": \"list\", \"request\": {\"url\": \"https://…\"}}";
      return;
    }
    if (!config::IsName(step.id)) {
      Error(view.Find("id")->span, "`" + Shown(step.id) + "` is not a step's name").help = config::kNameHelp;
    }
    if (FindStep(step.id)) {
      Error(view.Find("id")->span, "two steps are called `" + Shown(step.id) + "`").help = "give one another id";
    }
    Names names = {"inputs", "state", "steps"};
    PlanLoop(view, names, &step);
    if (step.loop || step.for_each) names.emplace_back("item");
    PlanRequest(view.Object("request"), names, &step);
    Names answer = names;
    answer.insert(answer.end(), {"body", "headers", "status", "page"});
    if (view.Has("paginate")) {
      const ObjectView paginate = view.Object("paginate");
      step.next = Template(*paginate.Find("next"), answer, &step.needs);
      step.pages_max = paginate.Int("pages_max");
    }
    if (view.Has("poll")) PlanPoll(view, answer, &step);
    if (view.Has("download")) PlanDownload(view, &step);
    if (view.Has("rows")) step.rows = Template(*view.Find("rows"), answer, &step.needs);
    step.throttle = Throttle(view);
    plan_.steps.push_back(std::move(step));
    places_.push_back(node.span);
    for (const size_t need : plan_.steps.back().needs) JudgeSeen(need, plan_.steps.size() - 1, node.span);
  }

  void PlanLoop(const ObjectView& view, const Names& names, StepPlan* step) {
    const Node* loop = view.Find("for_each");
    if (loop == nullptr) return;
    if (loop->text.find("{{") != std::string::npos) {
      step->for_each = Template(*loop, names, &step->needs);
      return;
    }
    step->loop = StepNamed(*loop);
    if (step->loop) step->needs.insert(*step->loop);
  }

  void PlanRequest(const ObjectView& view, const Names& names, StepPlan* step) {
    RequestPlan& request = step->request;
    request.method = view.Text("method");
    request.url = Template(*view.Find("url"), names, &step->needs);
    request.host_is_given =
        HostIsWritten(request.url.source()) || !(request.url.Uses("item") || request.url.Uses("steps"));
    if (const Node* headers = view.Find("headers")) {
      for (const config::Entry& header : headers->entries) {
        request.headers.emplace_back(header.key, Template(header.value, names, &step->needs));
      }
    }
    for (const auto& [field, tree] : std::initializer_list<std::pair<const char*, ValueTree*>>{
             {"params", &request.params}, {"json", &request.json}, {"form", &request.form}}) {
      if (const Node* node = view.Find(field)) *tree = Tree(*node, names, &step->needs);
    }
    for (const char* const field : {"params", "form"}) {
      const Node* node = view.Find(field);
      if (node != nullptr && node->kind != NodeKind::kMapping) {
        Error(node->span, "`" + std::string(field) + "` is no mapping").help = "write names and values";
      }
    }
    if (view.Has("json") && view.Has("form")) {
      Error(view.Find("form")->span, "a request has one body: `json` or `form`").help = "remove one of the two";
    }
  }

  void PlanPoll(const ObjectView& view, const Names& names, StepPlan* step) {
    const ObjectView poll = view.Object("poll");
    step->poll = PollPlan{.until = Template(*poll.Find("until"), names, &step->needs),
                          .fail = std::nullopt,
                          .times = config::PollTimesOf(poll)};
    if (poll.Has("fail")) step->poll->fail = Template(*poll.Find("fail"), names, &step->needs);
    if (view.Has("paginate")) {
      Error(view.Find("paginate")->span, "a step that polls has one answer, and no pages").help =
          "read what the job made in a step of its own";
    }
  }

  void PlanDownload(const ObjectView& view, StepPlan* step) {
    const ObjectView download = view.Object("download");
    const ObjectView csv = download.Object("csv");
    step->download =
        config::DownloadConfigOf(download, [&](const std::string& field, std::string what, std::string help) {
          diagnostics_->AddError("E0497", csv.Find(field)->span, std::move(what)).help = std::move(help);
        });
    for (const char* const field : {"rows", "poll"}) {
      if (!view.Has(field)) continue;
      Error(view.Find(field)->span,
            "a step that downloads has no `" + std::string(field) + "`: its rows are the file's")
          .help = "make it a step of its own, before this one";
    }
  }

  ValueTree Tree(const Node& node, const Names& names, std::set<size_t>* needs) {
    ValueTree tree;
    tree.place = node.span;
    if (node.kind == NodeKind::kSequence) {
      tree.kind = ValueTree::Kind::kList;
      for (const Node& item : node.items) tree.items.push_back(Tree(item, names, needs));
    } else if (node.kind == NodeKind::kMapping) {
      tree.kind = ValueTree::Kind::kObject;
      for (const config::Entry& entry : node.entries) {
        tree.keys.push_back(entry.key);
        tree.items.push_back(Tree(entry.value, names, needs));
      }
    } else if (node.text.find("{{") != std::string::npos) {
      tree.kind = ValueTree::Kind::kText;
      tree.text = Template(node, names, needs);
    } else {
      tree.kind = ValueTree::Kind::kConstant;
      tree.constant = ConstantOf(node);
    }
    return tree;
  }

  void AddEmit(const ObjectView& view, const Node& node) {
    for (const char* const field : {"id", "request", "for_each", "poll", "download", "paginate", "rows", "throttle"}) {
      if (view.Has(field)) {
        Error(view.Find(field)->span, "`" + std::string(field) + "` belongs to a request, and this step emits").help =
            "make it a step of its own, and name that by `from`";
      }
    }
    if (!view.Has("from")) {
      Error(node.span, "`from` is missing: whose rows are emitted").help = "write the id of an earlier step";
      return;
    }
    const auto from = StepNamed(*view.Find("from"));
    if (!from) return;
    EmitPlan emit{.table = view.Text("emit"), .where = ToString(node.span), .from = *from};
    emit.needs.insert(*from);
    Names names = {"inputs", "state", "steps", "row"};
    if (plan_.steps[*from].loop || plan_.steps[*from].for_each) names.emplace_back("item");
    if (view.Has("when")) emit.when = Template(*view.Find("when"), names, &emit.needs);
    if (view.Has("transform")) emit.transform = Template(*view.Find("transform"), names, &emit.needs);
    plan_.emits.push_back(std::move(emit));
    taken_.push_back({*from, node.span});
    for (const size_t need : plan_.emits.back().needs) {
      if (plan_.steps[need].loop != from) JudgeSeen(need, *from, node.span);  // what is done for a row comes before it
    }
  }

  void AddStates() {
    const Node* states = file_.Find("state");
    if (states == nullptr) return;
    const config::ObjectTypePtr type = config::WorkflowFileType().FindField("state")->elements[0].object;
    for (const config::Entry& entry : states->entries) {
      const ObjectView view(&entry.value, *type);
      const auto from = StepNamed(*view.Find("from"));
      if (!from) continue;
      StatePlan state{.name = entry.key, .where = ToString(entry.key_span), .start = Value(), .from = *from};
      state.start = ConstantOf(*view.Find("start"));
      std::set<size_t> needs;
      state.max = Template(*view.Find("max"), {"inputs", "row"}, &needs);
      plan_.states.push_back(std::move(state));
      taken_.push_back({*from, entry.key_span});
    }
  }

  // A step whose rows are taken says what they are.
  void JudgeRows() {
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      if (plan_.steps[i].loop) taken_.push_back({*plan_.steps[i].loop, places_[i]});
    }
    for (const auto& [step, place] : taken_) {
      if (plan_.steps[step].rows || plan_.steps[step].download) continue;
      Error(place, "step `" + plan_.steps[step].id + "` has no `rows`").help =
          "add \"rows\": \"{{ body }}\" to it, or where in its answers they are";
    }
  }

  // A step sees row and answer of those it is done within, and of those done before it in the same place.
  void JudgeSeen(size_t need, size_t step, const config::Span& place) {
    const auto loop = plan_.steps[need].loop;
    std::optional<size_t> around = step;
    while (around) {
      if (*around == need) return;
      around = plan_.steps[*around].loop;
      if (around == loop) return;
    }
    Error(place, "`steps." + plan_.steps[need].id + "` is done for each row of `" + plan_.steps[*loop].id +
                     "`, and here there is no such row")
        .help = "write `for_each` like its own, or take its rows by `for_each` or `from`";
  }

  std::optional<size_t> FindStep(const std::string& id) const {
    const auto found = std::ranges::find(plan_.steps, id, &StepPlan::id);
    if (found == plan_.steps.end()) return std::nullopt;
    return static_cast<size_t>(found - plan_.steps.begin());
  }

  std::optional<size_t> StepNamed(const Node& node) {
    const auto step = FindStep(node.text);
    if (!step) Error(node.span, "no earlier step is called `" + Shown(node.text) + "`").help = StepHelp(node.text);
    return step;
  }

  std::string StepHelp(const std::string& id) const {
    std::vector<std::string> ids;
    for (const StepPlan& step : plan_.steps) ids.push_back(step.id);
    const auto nearest = Nearest(id, ids);
    if (nearest) return "did you mean `" + *nearest + "`?";
    for (const Node& step : file_.Find("do")->items) {
      const Node* other = step.Find("id");
      if (other != nullptr && other->text == id) return "that step comes later: move it up";
    }
    return "write the id of a step above";
  }

  TextTemplate Template(const Node& node, const Names& names, std::set<size_t>* needs) {
    auto parsed = TextTemplate::Parse(node.text);
    if (!parsed.ok()) {
      diagnostics_->AddError("E0534", node.span, parsed.status().message()).help =
          "docs/reference/javascript.md says what expressions may hold; `firn eval --js` tries one";
      return {};
    }
    for (const javascript::NameUse& use : parsed->names()) JudgeName(use, node, names, needs);
    return *std::move(parsed);
  }

  void JudgeName(const javascript::NameUse& use, const Node& node, const Names& names, std::set<size_t>* needs) {
    if (std::ranges::find(names, use.name) == names.end()) {
      const auto nearest = Nearest(use.name, names);
      diagnostics_->AddError("E0534", node.span, "`" + Shown(use.name) + "` is not defined here").help =
          nearest ? "did you mean `" + *nearest + "`?" : "here there are: " + Joined(names);
      return;
    }
    if (use.name == "inputs") JudgeMember(use, node, InputNames(), "input");
    if (use.name == "state") JudgeMember(use, node, state_names_, "state");
    if (use.name != "steps") return;
    const auto step = FindStep(use.member);
    if (step) {
      needs->insert(*step);
    } else {
      Error(node.span, use.member.empty() ? "`steps` is used without the id of a step"
                                          : "no earlier step is called `" + Shown(use.member) + "`")
          .help = use.member.empty() ? "write `steps.<id>.body` or `steps.<id>.row`" : StepHelp(use.member);
    }
  }

  void JudgeMember(const javascript::NameUse& use, const Node& node, const Names& known, const std::string& what) {
    if (use.member.empty() || std::ranges::find(known, use.member) != known.end()) return;
    const auto nearest = Nearest(use.member, known);
    Error(node.span, "the workflow has no " + what + " `" + Shown(use.member) + "`").help =
        nearest ? "did you mean `" + *nearest + "`?" : "declare it under `" + use.name + "`";
  }

  Names InputNames() const {
    Names names;
    for (const InputPlan& input : plan_.inputs) names.push_back(input.name);
    return names;
  }

  static std::string Joined(const Names& names) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "`" : ", `") + name + "`";
    return out;
  }

  const config::Workflow& workflow_;
  config::Diagnostics* const diagnostics_;
  const ObjectView file_;
  WorkflowPlan plan_;
  std::vector<config::Span> places_;  // of the steps
  Names state_names_;
  std::vector<std::pair<size_t, config::Span>> taken_;  // steps whose rows are taken, and by what
};

}  // namespace

std::set<size_t> WorkflowPlan::StepsOf(const std::string& table) const {
  std::set<size_t> all;
  std::vector<size_t> open;
  for (const EmitPlan& emit : emits) {
    if (emit.table == table) open.insert(open.end(), emit.needs.begin(), emit.needs.end());
  }
  while (!open.empty()) {
    const size_t step = open.back();
    open.pop_back();
    if (all.insert(step).second) open.insert(open.end(), steps[step].needs.begin(), steps[step].needs.end());
  }
  return all;
}

bool WorkflowPlan::KeepsState(const std::string& table) const {
  const std::set<size_t> needed = StepsOf(table);
  return std::ranges::any_of(states, [&](const StatePlan& state) { return needed.contains(state.from); });
}

Result<WorkflowPlan> PlanWorkflow(const config::Workflow& workflow, config::Diagnostics* diagnostics) {
  return Planner(workflow, diagnostics).Run();
}

}  // namespace firn::connector::steps
