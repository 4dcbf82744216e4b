// SPDX-License-Identifier: Apache-2.0
// A domain for fuzzing engines: its reference against its other models, in process. `--with bochs` puts an oracle in
// the loop; `--quirk=ID` tests the model that can have this defect, with it, instead of all models; `--bucket=ID`
// reports that bucket alone, so that an engine that minimises goes on when it meets another. The build names the
// domain: -DDIFFVISOR_DOMAIN="vmx_entry". A divergence that no known entry explains prints the crash text that
// ClusterFuzz groups by, and aborts.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "fuzzers/domains.h"
#include "fuzzers/fuzz_target.h"
#include "fuzzers/known_embedded.h"
#include "harness/case/binary.h"
#include "harness/compare/explain.h"

namespace diffvisor {
namespace {

// All state of the target; made at the first input, never changed by one.
class Target {
 public:
  Target(const std::vector<std::string_view>& oracles, std::string_view quirk, std::string_view bucket)
      : entry_(*find_domain(DIFFVISOR_DOMAIN)), bucket_(bucket), judge_(*entry_.domain, known()) {
    if (!quirk.empty()) plant(quirk);
    for (const std::string_view model : entry_.in_process)
      if (quirk.empty() && model != entry_.domain->reference) add(model);
    for (const std::string_view oracle : oracles) add(oracle);
    if (entry_.domain->rules->rows.empty()) reference_ = make(entry_.domain->reference);
  }

  void run(std::span<const std::byte> bytes) {
    decode_binary(bytes, *entry_.domain->schema, case_);
    if (entry_.domain->normalise != nullptr) entry_.domain->normalise(case_.v.data());
    const compare::Reading r = judge_.read(case_);
    Observation reference;
    const Observation* against = nullptr;
    if (reference_ != nullptr) {
      const auto seen = run_one(*reference_, case_);
      if (!seen) die(seen.error());
      reference = *seen;
      against = &reference;
    }
    for (std::size_t e = 0; e < executors_.size(); ++e) {
      if (!judge_.refusal(case_, r, e).empty()) continue;
      const auto seen = run_one(*executors_[e], case_);
      if (!seen) die(seen.error());
      const compare::VerdictKind kind = judge_.judge(case_, r, e, *seen, against).kind;
      if (kind == compare::VerdictKind::Divergence || kind == compare::VerdictKind::ExecutorDied)
        report(compare::explain_new(judge_, e, executors_[e]->info().name, case_, r, *seen, against));
    }
  }

 private:
  [[noreturn]] static void die(const Error& error) {
    std::fprintf(stderr, DIFFVISOR_DOMAIN "_fuzzer: %s\n", error.text().c_str());
    std::exit(2);
  }

  void report(const compare::Explanation& x) const {
    if (!bucket_.empty() && x.bucket != bucket_) return;
    std::fprintf(stderr, "%s\nASSERTION FAILED: FuzzerHash=%s\nDEDUP_TOKEN: %s\n", x.sentence.c_str(), x.bucket.c_str(),
                 x.bucket.c_str());
    std::abort();
  }

  std::vector<compare::Known> known() const {
    std::vector<compare::Known> out;
    for (const EmbeddedKnown& k : embedded_known())
      if (auto done = compare::parse_known(k.text, k.name, *entry_.domain, out); !done) die(done.error());
    return out;
  }

  void plant(std::string_view id) {
    const auto quirk = quirk_named(entry_, id);
    if (!quirk) die(quirk.error());
    add(quirk->executor, &*quirk);
  }

  std::unique_ptr<Executor> make(std::string_view name, const Quirk* quirk = nullptr) const {
    ExecutorRequest request;
    request.name = name;
    request.quirk = quirk;
    request.profile = entry_.domain->schema->profiles[0].name;
    auto executor = entry_.make_executor(request);
    if (!executor) die(executor.error());
    return std::move(*executor);
  }
  void add(std::string_view name, const Quirk* quirk = nullptr) {
    executors_.push_back(make(name, quirk));
    judge_.add_executor(executors_.back()->info());
  }

  const DomainEntry& entry_;
  const std::string_view bucket_;  // the only one that is reported; empty: all are
  compare::Judge judge_;
  std::vector<std::unique_ptr<Executor>> executors_;
  std::unique_ptr<Executor> reference_;  // of a domain without rules
  Case case_;
};

std::vector<std::string_view> oracles;
std::string_view quirk, bucket;

}  // namespace

const Schema& fuzz_schema() { return *find_domain(DIFFVISOR_DOMAIN)->domain->schema; }

mutate::Options fuzz_mutations() {
  mutate::Options options;
  if (const mutate::Mutator& own = find_domain(DIFFVISOR_DOMAIN)->mutate) options.extra.push_back({300, own});
  return options;
}

}  // namespace diffvisor

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const auto take = [](std::string_view arg, std::string_view name, std::string_view& value) {
    if (arg.starts_with(name)) value = arg.substr(name.size());
  };
  for (int i = 1; i < *argc; ++i) {
    const std::string_view arg = (*argv)[i];
    if (arg == "--with" && i + 1 < *argc) diffvisor::oracles.push_back((*argv)[i + 1]);
    take(arg, "--quirk=", diffvisor::quirk);
    take(arg, "--bucket=", diffvisor::bucket);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static diffvisor::Target target(diffvisor::oracles, diffvisor::quirk, diffvisor::bucket);
  target.run(std::as_bytes(std::span<const std::uint8_t>(data, size)));
  return 0;
}
