// SPDX-License-Identifier: Apache-2.0
// diffvisor fuzz: a campaign with progress, heartbeat, resume and a clean end on Ctrl-C.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "fuzzers/cli/commands.h"
#include "harness/base/digest.h"
#include "harness/base/file.h"
#include "harness/triage/describe.h"
#include "harness/triage/store.h"
#include "reports/campaign.h"
#include "reports/campaign_state.h"
#include "reports/run.h"

namespace diffvisor::cli {
namespace {

constexpr double kSaveEvery = 20;  // seconds between writes of the state that --resume needs

std::atomic<bool> interrupted{false};

extern "C" void on_interrupt(int) { interrupted = true; }

class InterruptGuard {
 public:
  InterruptGuard() {
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND);  // a second Ctrl-C ends at once
    sigaction(SIGINT, &action, &old_int_);
    sigaction(SIGTERM, &action, &old_term_);
  }
  ~InterruptGuard() {
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGTERM, &old_term_, nullptr);
  }

 private:
  struct sigaction old_int_ {};
  struct sigaction old_term_ {};
};

// The lines people and machines watch while it runs.
class Watch {
 public:
  Watch(const campaign::Campaign& campaign, const Flags& flags, std::size_t rules)
      : campaign_(campaign), flags_(flags), rules_(rules), terminal_(isatty(STDERR_FILENO) != 0) {
    if (flags.heartbeat == "-")
      heartbeat_ = stdout;
    else if (!flags.heartbeat.empty())
      heartbeat_ = std::fopen(flags.heartbeat.c_str(), "ae");
  }
  ~Watch() {
    if (terminal_ && shown_) fmt::print(stderr, "\n");
    if (heartbeat_ != nullptr && heartbeat_ != stdout) std::fclose(heartbeat_);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool heartbeat_failed() const { return !flags_.heartbeat.empty() && heartbeat_ == nullptr; }

  void operator()(const campaign::Totals& t) {
    const std::size_t buckets = campaign_.findings().size();
    if (terminal_ && t.seconds - drawn_ >= 0.25) {
      drawn_ = t.seconds;
      shown_ = true;
      fmt::print(stderr, "\r\033[K{}", reports::progress_line(t, rules_, buckets, flags_.cases, flags_.seconds));
      std::fflush(stderr);
    }
    if (heartbeat_ != nullptr && t.seconds - beaten_ >= 5) {
      beaten_ = t.seconds;
      fmt::print(heartbeat_, "{}", reports::heartbeat_line(t, buckets));
      std::fflush(heartbeat_);
    }
  }

 private:
  const campaign::Campaign& campaign_;
  const Flags& flags_;
  std::size_t rules_;
  bool terminal_;
  bool shown_ = false;
  double drawn_ = 0;
  double beaten_ = 0;
  std::FILE* heartbeat_ = nullptr;
};

Result<std::vector<Case>> seeds_of(const Domain& domain, const Flags& flags) {
  const auto root = corpus_root(flags.corpus);
  if (!root) return tl::unexpected(root.error());
  std::vector<Case> out;
  for (const char* kind : {"seeds", "regressions"}) {
    const auto directory = *root / kind / std::string(domain.name);
    std::error_code ec;
    if (!std::filesystem::is_directory(directory, ec)) continue;
    auto loaded = load_cases({directory.string()});
    if (!loaded) return tl::unexpected(loaded.error());
    for (Loaded& l : *loaded) out.push_back(std::move(l.stored.c));
  }
  return out;
}

Result<campaign::Options> options_of(const Session& s, const Flags& flags) {
  campaign::Options o;
  o.plan.seed = flags.seed;
  o.plan.profile = s.profile;
  o.plan.vary_profile = !has_fixed_profile(s.raw());
  auto seeds = seeds_of(*s.entry->domain, flags);
  if (!seeds) return tl::unexpected(seeds.error());
  for (Case& c : *seeds)
    if (c.profile == s.profile) o.plan.corpus.push_back(std::move(c));
  o.first = flags.first;
  o.cases = flags.cases;
  o.seconds = flags.seconds;
  o.shard = flags.shard;
  o.shards = flags.shards;
  return o;
}

std::size_t checks_in(const rules::RuleSet& set) {
  return static_cast<std::size_t>(
      std::ranges::count_if(set.rows, [](const rules::Rule& r) { return r.kind == rules::Kind::Check; }));
}

// What a run must share with the one it resumes.
std::string identity_of(const Session& s, const Flags& flags) {
  const reports::Provenance p = reports::provenance(*s.entry->domain, s.profile);
  std::string out = fmt::format("{} {} {} {}/{} {} {} {} {} {}", s.entry->domain->name, flags.seed, flags.first,
                                flags.shard, flags.shards, p.schema, p.golden, p.rules, p.profile, flags.quirk);
  for (const ExecutorInfo& i : s.infos()) out += fmt::format(" {} {}", i.name, i.version);
  return out;
}

int judged_something(const Session& s, const campaign::Totals& t, const Flags& flags) {
  for (std::size_t e = 0; e < s.executors.size(); ++e) {
    if (t.executors[e].judged > 0 || flags.allow_missing) continue;
    fmt::print(stderr, "diffvisor: {}: judged nothing ({} cases); --allow-missing accepts that\n",
               s.executors[e]->info().name, t.cases);
    return kCannot;
  }
  return kClean;
}

class Saver {
 public:
  Saver(const Session& s, const Flags& flags)
      : session_(s), store_(flags.out), flags_(flags), identity_(identity_of(s, flags)) {
    const reports::Provenance p = reports::provenance(*s.entry->domain, s.profile);
    from_.judge = s.judge.get();
    from_.executors = s.infos();
    from_.origin_id = Digest().add(identity_).hex();
    from_.origin.seed = flags.seed;
    from_.origin.profile = s.entry->domain->schema->profiles[s.profile].name;
    from_.origin.quirk = flags.quirk;
    from_.origin.program = p.commit.empty() ? p.version : p.version + " " + p.commit;
    from_.origin.schema = p.schema;
    from_.origin.rules = p.rules;
    for (const ExecutorInfo& i : from_.executors) from_.origin.executors.insert(i.name + " " + i.version);
  }

  Result<void> prepare(campaign::Campaign& campaign) {
    if (flags_.out.empty()) return flags_.resume ? fail(ErrorCode::Usage, "--resume", "needs --out") : Result<void>{};
    if (auto opened = store_.open(); !opened) return opened;
    if (!flags_.resume) return {};
    auto state = reports::load_state(store_.directory(), identity_, all_schemas());
    if (!state) return tl::unexpected(state.error());
    if (state->totals.executors.size() != campaign.totals().executors.size())
      return fail(ErrorCode::Format, store_.directory().string(), "the state is about other executors");
    campaign.resume(state->totals, std::move(state->findings));
    const auto before = read_file(store_.directory() / reports::run_file_name(from_.origin_id));
    if (auto run = before ? reports::parse_run(*before, "") : tl::unexpected(before.error()); run)
      series_.adopt(std::move(run->samples));
    return {};
  }
  // Executors are idle.
  Result<void> save(const triage::Finding& f, const campaign::Totals& totals) {
    if (flags_.out.empty()) return {};
    from_.confirmed.clear();
    for (const campaign::ExecutorTotals& e : totals.executors) from_.confirmed.push_back(e.confirmed);
    if (auto looked = look_closer(f); !looked) return looked;
    return store_.add(triage::describe(f, from_), all_schemas());
  }
  Result<void> finish(const campaign::Campaign& campaign) {
    if (flags_.out.empty()) return {};
    return reports::save_state(store_.directory(), identity_, campaign.totals(), campaign.findings());
  }
  void sample(const campaign::Campaign& campaign) {
    const campaign::Totals& t = campaign.totals();
    rules::RuleBits confirmed;
    for (const campaign::ExecutorTotals& e : t.executors) confirmed |= e.confirmed;
    series_.add(
        {t.seconds, t.cases, t.exercised.count(), confirmed.count(), campaign.findings().size(), t.unexplained});
  }
  // What reports over several campaigns are made from.
  Result<void> save_run(const reports::CampaignReport& report) {
    if (flags_.out.empty()) return {};
    const reports::Run run = reports::run_of(report, from_.origin_id, series_.samples());
    return store_.replace_if(reports::run_file_name(run.id), reports::run_json(run), &reports::is_later_run);
  }

 private:
  // Where the smallest case parts from the reference. A case that killed its executor is not run for that.
  Result<void> look_closer(const triage::Finding& f) {
    from_.first = {};
    const auto it = std::ranges::find(from_.executors, f.executor, &ExecutorInfo::name);
    if (it == from_.executors.end() || f.explanation.difference == compare::Difference::Dies) return {};
    auto first = first_divergence(session_, static_cast<std::size_t>(it - from_.executors.begin()), f.smallest);
    if (!first) return tl::unexpected(first.error());
    from_.first = std::move(*first);
    return {};
  }

  const Session& session_;
  triage::Store store_;
  const Flags& flags_;
  std::string identity_;
  triage::Surroundings from_;
  reports::Series series_;
};

reports::CampaignReport report_of(const Session& s, const Flags& flags, const campaign::Campaign& campaign) {
  reports::CampaignReport r;
  r.domain = s.entry->domain;
  r.from = reports::provenance(*r.domain, s.profile);
  r.profile = r.domain->schema->profiles[s.profile].name;
  r.seed = flags.seed;
  r.first = flags.first;
  r.shard = flags.shard;
  r.shards = flags.shards;
  r.quirk = flags.quirk;
  r.executors = s.infos();
  r.totals = &campaign.totals();
  r.findings = &campaign.findings();
  r.judge = s.judge.get();
  r.classes = rules::classify(*r.domain->rules, *r.domain->schema, s.profile, r.domain->normalise);
  return r;
}

}  // namespace

int fuzz(const std::string& domain, const Flags& flags) {
  auto session = open_session(domain, flags);
  if (!session) return complain(session.error());
  auto options = options_of(*session, flags);
  if (!options) return complain(options.error());
  campaign::Campaign campaign(*session->entry->domain, *session->judge, session->raw(), std::move(*options));
  Saver saver(*session, flags);
  if (auto ready = saver.prepare(campaign); !ready) return complain(ready.error());
  campaign.on_finding([&](const triage::Finding& f) { return saver.save(f, campaign.totals()); });
  const InterruptGuard guard;
  Result<void> ran, unsaved;
  {
    Watch watch(campaign, flags, checks_in(*session->entry->domain->rules));
    if (watch.heartbeat_failed()) return complain({ErrorCode::Io, flags.heartbeat, "cannot write"});
    double kept = 0;
    campaign.on_progress([&](const campaign::Totals& t) {
      watch(t);
      saver.sample(campaign);
      if (t.seconds - kept < kSaveEvery) return;
      kept = t.seconds;
      if (auto done = saver.finish(campaign); !done) unsaved = done;
    });
    campaign.stop_when([&] { return interrupted.load() || !unsaved; });
    ran = campaign.run();
  }
  saver.sample(campaign);
  auto saved = saver.finish(campaign);
  const reports::CampaignReport report = report_of(*session, flags, campaign);
  if (saved) saved = saver.save_run(report);
  if (flags.json != "-") fmt::print("{}", reports::campaign_text(report));
  if (!flags.json.empty())
    if (auto wrote = write_output(flags.json, reports::campaign_json(report).dump(2) + "\n"); !wrote)
      return complain(wrote.error());
  if (!ran) return complain(ran.error());
  if (!saved) return complain(saved.error());
  if (!unsaved) return complain(unsaved.error());
  if (const int code = judged_something(*session, campaign.totals(), flags); code != kClean) return code;
  return campaign.totals().unexplained > 0 ? kDivergence : kClean;
}

}  // namespace diffvisor::cli
