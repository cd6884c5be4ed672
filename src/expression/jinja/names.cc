// Which names a template takes from outside, by Jinja's rules. A name that is set in a branch of an `if` only counts as
// taken from outside, because the other branch leaves it unset.
#include <algorithm>
#include <map>
#include <set>

#include "expression/jinja/program.h"

namespace firn::expression::jinja {
namespace {

using Kind = Node::Kind;

// The names one scope knows, and where their values come from.
struct Symbols {
  enum class Load { kParameter, kResolve, kAlias, kUndefined };
  using Place = std::pair<int, std::string>;  // level and name

  const Symbols* parent = nullptr;
  int level = 0;
  std::map<std::string, Place> references;
  std::map<Place, Load> loads;
  std::set<std::string> stores;

  const Place* Find(const std::string& name) const {
    if (const auto found = references.find(name); found != references.end()) return &found->second;
    return parent == nullptr ? nullptr : parent->Find(name);
  }
  void Define(const std::string& name, Load load) {
    const Place place{level, name};
    references[name] = place;
    loads[place] = load;
  }
  void Read(const std::string& name) {
    if (Find(name) == nullptr) Define(name, Load::kResolve);
  }
  void Store(const std::string& name) {
    stores.insert(name);
    if (references.count(name) > 0) return;
    Define(name, parent != nullptr && parent->Find(name) != nullptr ? Load::kAlias : Load::kUndefined);
  }
  void Declare(const std::string& name) {
    stores.insert(name);
    Define(name, Load::kParameter);
  }
  void Merge(const std::vector<Symbols>& branches) {
    std::set<std::string> added;
    for (const Symbols& branch : branches) added.insert(branch.stores.begin(), branch.stores.end());
    for (const std::string& name : stores) added.erase(name);
    for (const Symbols& branch : branches) {
      for (const auto& [name, place] : branch.references) references[name] = place;
      for (const auto& [place, load] : branch.loads) loads[place] = load;
      stores.insert(branch.stores.begin(), branch.stores.end());
    }
    for (const std::string& name : added) {
      const bool outer = parent != nullptr && parent->Find(name) != nullptr;
      loads[*Find(name)] = outer ? Load::kAlias : Load::kResolve;
    }
  }
};

class Analyzer {
 public:
  explicit Analyzer(const Program& program) : program_(program) {}

  std::set<std::string> Run() {
    Frame(program_.body, nullptr, {});
    return undeclared_;
  }

 private:
  // One scope: all its statements first, then the scopes inside.
  void Frame(const std::vector<NodeIndex>& body, const Symbols* parent, const std::set<std::string>& parameters) {
    Symbols symbols{.parent = parent, .level = parent == nullptr ? 0 : parent->level + 1};
    for (const std::string& name : parameters) symbols.Declare(name);
    if (parent == nullptr) symbols.Declare("self");
    for (const NodeIndex index : body) Visit(index, &symbols);
    for (const auto& [place, load] : symbols.loads) {
      if (load == Symbols::Load::kResolve) undeclared_.insert(place.second);
    }
    for (const NodeIndex index : body) Inner(index, symbols);
  }

  void Expression(NodeIndex index, Symbols* symbols) {
    if (index == kNone) return;
    const Node& node = program_.At(index);
    if (node.kind == Kind::kName) symbols->Read(node.name);
    for (const NodeIndex child : node.children) Expression(child, symbols);
    for (const auto& [name, child] : node.named) Expression(child, symbols);
  }

  void Targets(NodeIndex index, Symbols* symbols) {
    const Node& node = program_.At(index);
    if (node.kind == Kind::kName) symbols->Store(node.name);
    if (node.kind == Kind::kMember) symbols->Read(node.name);
    for (const NodeIndex child : node.children) Targets(child, symbols);
  }

  void CollectTargets(NodeIndex index, std::set<std::string>* names) const {
    const Node& node = program_.At(index);
    if (node.kind == Kind::kName) names->insert(node.name);
    for (const NodeIndex child : node.children) CollectTargets(child, names);
  }

  void Visit(NodeIndex index, Symbols* symbols) {
    const Node& node = program_.At(index);
    switch (node.kind) {
      case Kind::kIf:
        VisitIf(node, symbols);
        return;
      case Kind::kFor:
        Expression(node.children[1], symbols);
        return;
      case Kind::kSet:
        Expression(node.children[1], symbols);
        Targets(node.children[0], symbols);
        return;
      case Kind::kSetBlock:
        Targets(node.children[0], symbols);
        Expression(node.children[1], symbols);
        return;
      case Kind::kWith:
        for (size_t i = 1; i < node.children.size(); i += 2) Expression(node.children[i], symbols);
        return;
      default:
        Expression(index, symbols);
    }
  }

  void VisitIf(const Node& node, Symbols* symbols) {
    Expression(node.children[0], symbols);
    const auto branch = [&](const std::vector<NodeIndex>& body) {
      Symbols copy = *symbols;
      for (const NodeIndex index : body) Visit(index, &copy);
      return copy;
    };
    std::vector<Symbols> branches = {branch(node.body)};
    branches.push_back(branch(node.otherwise));
    symbols->Merge(branches);
  }

  void Inner(NodeIndex index, const Symbols& symbols) {
    const Node& node = program_.At(index);
    switch (node.kind) {
      case Kind::kIf:
        for (const NodeIndex child : node.body) Inner(child, symbols);
        for (const NodeIndex child : node.otherwise) Inner(child, symbols);
        return;
      case Kind::kFor: {
        std::set<std::string> names;
        CollectTargets(node.children[0], &names);
        if (node.children[2] != kNone) Frame({node.children[2]}, &symbols, names);
        Frame(node.otherwise, &symbols, {});
        names.insert("loop");
        Frame(node.body, &symbols, names);
        return;
      }
      case Kind::kWith: {
        std::set<std::string> names;
        for (size_t i = 0; i < node.children.size(); i += 2) CollectTargets(node.children[i], &names);
        Frame(node.body, &symbols, names);
        return;
      }
      case Kind::kSetBlock:
      case Kind::kFilterBlock:
        Frame(node.body, &symbols, {});
        return;
      default:
        return;
    }
  }

  const Program& program_;
  std::set<std::string> undeclared_;
};

}  // namespace

void ResolveNames(Program* program) {
  for (const std::string& name : Analyzer(*program).Run()) {
    if (!IsGlobal(name)) program->undeclared.push_back(name);
  }
  // A name may be read from outside also where Jinja's analysis is content (a loop that sets it later).
  std::map<std::string, int32_t> slots;
  for (Node& node : program->nodes) {
    if (node.kind != Kind::kName) continue;
    const auto [place, added] = slots.emplace(node.name, static_cast<int32_t>(program->externals.size()));
    if (added) program->externals.push_back({.name = node.name, .global = IsGlobal(node.name)});
    node.slot = place->second;
  }
}

}  // namespace firn::expression::jinja
