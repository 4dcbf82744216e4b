// SPDX-License-Identifier: Apache-2.0
// The command line: flags to plain values, one function call per command. The only file that sees CLI11.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "fuzzers/cli/commands.h"

namespace {

using namespace diffvisor::cli;

struct Arguments {
  Flags flags;
  std::string domain, path, after, annotate, as, coverage, seeds, date, executor, output, shard;
  std::vector<std::string> paths, assignments;
  TriageOutputs outputs;
  KnownEntry known;
  ReplayOutputs replayed;
  bool score = false, write = false;
  int code = kClean;
};

void add_selection(CLI::App* c, Arguments& a) {
  c->add_option("--executors", a.flags.executors, "comma-separated, e.g. vmx.arch,vmx.kvm,bochs")->delimiter(',');
  c->add_option("--profile", a.flags.profile, "capability profile, e.g. tigerlake");
  c->add_option("--corpus", a.flags.corpus, "corpus directory");
  c->add_option("--quirk", a.flags.quirk,
                "switch on a defect, see: diffvisor quirks DOMAIN; may be given several times")
      ->join(',');
  c->add_flag("--allow-missing", a.flags.allow_missing, "go on without executors that cannot run here");
  c->add_option("--jobs", a.flags.jobs, "emulator processes")->check(CLI::Range(1u, 64u));
}
void add_campaign(CLI::App* c, Arguments& a) {
  add_selection(c, a);
  c->add_option("--seed", a.flags.seed, "the campaign is a function of it");
  c->add_option("--cases", a.flags.cases, "how many cases");
  c->add_option("--first", a.flags.first, "index of the first case");
  c->add_option("--seconds", a.flags.seconds, "stop after so many seconds")->check(CLI::NonNegativeNumber);
  c->add_option("--shard", a.shard, "k/n: this process takes every n-th batch, k from 1");
  c->add_option("--json", a.flags.json, "write the result as JSON to a file, or - for standard output");
}

bool read_shard(Arguments& a) {
  if (a.shard.empty()) return true;
  if (a.shard.find_first_not_of("0123456789/") != std::string::npos) return false;  // sscanf would take a sign
  unsigned long long k = 0, n = 0;
  char rest = 0;
  if (std::sscanf(a.shard.c_str(), "%llu/%llu%c", &k, &n, &rest) != 2 || k < 1 || n < 1 || k > n) return false;
  a.flags.shard = k;
  a.flags.shards = n;
  return true;
}

void add_fuzz(CLI::App& app, Arguments& a) {
  auto* c = app.add_subcommand("fuzz", "run a campaign");
  c->add_option("DOMAIN", a.domain, "what to fuzz, e.g. vmx_entry")->required();
  add_campaign(c, a);
  c->add_option("--out", a.flags.out, "directory for findings and the state that --resume needs");
  c->add_flag("--resume", a.flags.resume, "go on where the campaign in --out ended");
  c->add_option("--heartbeat", a.flags.heartbeat, "append a JSON line every 5 s to a file, or - for standard output");
  c->footer(
      "Example: diffvisor fuzz vmx_entry --executors vmx.arch,vmx.kvm,bochs --seed 7 --seconds 60 --out findings");
  c->callback([&a] {
    if (!read_shard(a)) throw CLI::ValidationError("--shard", "wants k/n with 1 <= k <= n");
    if (a.flags.cases == 0 && a.flags.seconds <= 0) a.flags.seconds = 60;
    a.code = fuzz(a.domain, a.flags);
  });
}

void add_cases(CLI::App& app, Arguments& a) {
  auto* r = app.add_subcommand("replay", "run stored cases against what they expect; needs no emulator");
  r->add_option("PATHS", a.paths, "case files, directories, zip or tar archives")->required();
  r->add_option("--junit", a.replayed.junit, "write the results as JUnit XML");
  r->add_option("--annotate", a.annotate, "print what changed as annotations of a CI system: github")
      ->check(CLI::IsMember({"github"}));
  add_selection(r, a);
  r->footer(
      "Example: diffvisor replay corpus artefact.zip --junit replay.xml\nExit codes: 0 all as expected, 1 a case"
      " changed, 2 a file cannot be read or an executor cannot run.");
  r->callback([&a] {
    a.replayed.annotate = !a.annotate.empty();
    a.code = replay(a.paths, a.replayed, a.flags);
  });

  auto* s =
      app.add_subcommand("show", "explain a case: differences from golden, what decides, what each executor says");
  s->add_option("CASE", a.path, "case file")->required();
  add_selection(s, a);
  s->footer("Example: diffvisor show --executors vmx.arch,bochs corpus/known/vmx_entry/bochs_rip_width_unchecked.case");
  s->callback([&a] { a.code = show(a.path, a.flags); });

  auto* m = app.add_subcommand("minimise", "make a divergent case as small as its bucket allows");
  m->add_option("CASE", a.path, "case file")->required();
  add_selection(m, a);
  m->footer("Example: diffvisor minimise findings/vmx_entry.bochs.accepts.vmx.rip.width.case");
  m->callback([&a] { a.code = minimise(a.path, a.flags); });
}

void add_findings(CLI::App& app, Arguments& a) {
  auto* t = app.add_subcommand("triage", "merge the findings of campaigns and machines, and report them");
  t->add_option("DIRECTORIES", a.paths, "what campaigns were given as --out")->required();
  t->add_option("--out", a.flags.out, "directory for the merged findings; what it holds is merged too");
  t->add_option("--html", a.outputs.html, "write one self-contained page, and beside it the same as .json");
  t->add_option("--markdown", a.outputs.markdown, "write text for an issue tracker");
  t->add_option("--sarif", a.outputs.sarif, "write SARIF 2.1.0, one result per bucket");
  t->add_option("--baseline", a.outputs.baseline, "findings of an earlier state, which SARIF compares with");
  t->add_option("--json", a.outputs.json, "write everything as JSON");
  t->add_option("--junit", a.outputs.junit, "write JUnit XML, one failed test per bucket");
  t->footer(
      "Example: diffvisor triage laptop/findings server/findings --out all --html all.html --markdown issue.md\nA "
      "report is"
      " written to a file, or - for standard output. Exit code 1: there are findings.");
  auto* c = app.add_subcommand("compare", "what changed between two campaigns, versions or sets of quirks");
  c->add_option("BEFORE", a.path, "what the first was given as --out, or triage made")->required();
  c->add_option("AFTER", a.after, "the same of the second")->required();
  c->add_option("--json", a.flags.json, "write the result as JSON to a file, or - for standard output");
  c->footer(
      "Example: diffvisor compare findings-main findings-branch\nExit code 1: something is new, flaky or has"
      " another suspect.");
  c->callback([&a] { a.code = compare(a.path, a.after, a.flags); });
  t->callback([&a] { a.code = triage(a.paths, a.flags.out, a.outputs); });
}

void add_export(CLI::App& app, Arguments& a) {
  auto* e = app.add_subcommand("export", "write a finding in a form that others understand");
  e->add_option("FINDING", a.path, "the finding's .json or .case, in a directory of findings")->required();
  e->add_option("--as", a.as,
                "kvm-unit-test: C for upstream's framework, not executed here; vector: a line of JSON;\n"
                "unicorn: a C program; agent: assembly that makes a ROM for Bochs")
      ->required()
      ->check(CLI::IsMember({"kvm-unit-test", "vector", "unicorn", "agent"}));
  e->add_option("-o,--output", a.output, "file, default standard output");
  e->footer(
      "Example: diffvisor export findings/vmx_entry.bochs.accepts.vmx.rip.width.case --as kvm-unit-test -o rip.c");
  e->callback([&a] { a.code = export_finding(a.path, a.as, a.output, a.flags); });
}

void add_known_entries(CLI::App* k, Arguments& a) {
  auto* add = k->add_subcommand("add", "make a finding a known divergence, with its case as the proof");
  add->add_option("FINDING", a.path, "the finding's .json or .case, in a directory of findings")->required();
  add->add_option("--id", a.known.id, "name of the entry")->required();
  add->add_option("--reason", a.known.reason, "what the executor does, in a sentence")->required();
  add->add_option("--reference", a.known.reference, "section of the manual, or a link upstream")->required();
  add->add_option("--review-by", a.known.review_by, "YYYY-MM-DD, default in a year");
  add->add_option("--executor", a.known.executor, "of several that differ alike");
  add->add_option("--versions", a.known.versions, "prefix of the versions concerned, default the one that was seen");
  add->add_option("--row", a.known.row, "for a rejection: the rule that demands more of this executor");
  add->add_option("--must", a.known.must, "and what it demands");
  add->add_option("--file", a.known.file, "default: the file about this executor in corpus/known");
  add->add_option("--corpus", a.flags.corpus, "corpus directory");
  add->footer(
      "Example: diffvisor known add findings/vmx_entry.bochs.accepts.vmx.rip.width.case --id bochs_rip_width"
      " --reason 'The width of RIP is not checked.' --reference 'SDM 3C 29.3.1.4'");
  add->callback([&a] { a.code = known_add(a.path, a.known, a.flags); });
  auto* explain =
      k->add_subcommand("explain", "an entry in words: rules, edits, proof; or what entries make of a case");
  explain->add_option("ID", a.path, "name of the entry, or a case file")->required();
  explain->add_option("--corpus", a.flags.corpus, "corpus directory");
  explain->footer("Example: diffvisor known explain bochs_rip_width_unchecked");
  explain->callback([&a] { a.code = known_explain(a.path, a.flags); });
}

void add_tables(CLI::App& app, Arguments& a) {
  auto* r = app.add_subcommand("rules", "list a domain's rules with their classes");
  r->add_option("DOMAIN", a.domain, "e.g. vmx_entry")->required();
  r->add_option("--coverage", a.coverage, "write the list as JSON to a file, or - for standard output");
  r->add_option("--write-seeds", a.seeds, "write a valid and a broken case for every rule into this directory");
  add_selection(r, a);
  r->footer("Example: diffvisor rules vmx_entry --profile tigerlake --coverage rules.json");
  r->callback([&a] {
    a.code = a.seeds.empty() ? list_rules(a.domain, a.coverage, a.flags) : write_seeds(a.domain, a.seeds, a.flags);
  });

  auto* q = app.add_subcommand("quirks", "list the switchable defects, or score a campaign by them");
  q->add_option("DOMAIN", a.domain, "e.g. vmx_entry")->required();
  q->add_flag("--score", a.score, "run a campaign (default 60 s) and count the mutants it kills");
  add_campaign(q, a);
  q->footer("Example: diffvisor quirks vmx_entry --score --seconds 60");
  q->callback([&a] { a.code = quirks(a.domain, a.score, a.flags); });

  auto* k = app.add_subcommand("known", "known divergences");
  k->require_subcommand(1);
  auto* check = k->add_subcommand("check", "run the proof of every known divergence");
  check->add_option("--domain", a.domain, "default: every domain that has rules");
  check->add_flag("--write", a.write, "search for missing proofs and write them");
  add_selection(check, a);
  check->footer("Example: diffvisor known check --domain svm_entry");
  check->add_option("--runs", a.paths, "directories of campaigns: an entry that fires there and never decides fails");
  check->add_option("--today", a.date, "the date that review_by is held against, YYYY-MM-DD; default: the clock's");
  check->callback([&a] { a.code = known_check(a.domain, a.write, a.paths, a.date, a.flags); });
  add_known_entries(k, a);
}

void add_others(CLI::App& app, Arguments& a) {
  auto* v = app.add_subcommand("vectors", "run a file of expected outcomes (JSON Lines)");
  v->add_option("FILE", a.path, "vector file")->required();
  v->add_option("--domain", a.domain, "only vectors of this domain");
  v->add_option("--executor", a.executor, "default: the domain's reference");
  v->add_option("--json", a.flags.json, "write the result as JSON to a file, or - for standard output");
  add_selection(v, a);
  v->footer("Example: diffvisor vectors corpus/vectors/vmx_entry.jsonl --executor bochs");
  v->callback([&a] { a.code = vectors(a.path, a.domain, a.executor, a.flags); });

  auto* o = app.add_subcommand("oracles", "what can run here, and why the rest cannot");
  o->add_option("--profile", a.flags.profile, "machine model to try");
  o->footer("Example: diffvisor oracles");
  o->callback([&a] { a.code = list_oracles(a.flags); });

  auto* b = app.add_subcommand("bench", "measure the rates of the performance budget");
  b->add_option("DOMAIN", a.domain, "e.g. vmx_entry")->required();
  add_campaign(b, a);
  b->footer("Example: diffvisor bench vmx_entry --executors vmx.arch,bochs --seconds 10");
  b->callback([&a] { a.code = bench(a.domain, a.flags); });
}

void add_case(CLI::App& app, Arguments& a) {
  auto* c = app.add_subcommand("case", "convert, create and migrate cases");
  c->require_subcommand(1);
  auto* e = c->add_subcommand("encode", "text to the binary form that fuzzing engines use");
  e->add_option("CASE", a.path, "case file with one case")->required();
  e->add_option("-o,--output", a.output, "file")->required();
  e->footer("Example: diffvisor case encode finding.case -o crash.bin");
  e->callback([&a] { a.code = case_encode(a.path, a.output); });
  auto* d = c->add_subcommand("decode", "binary to text");
  d->add_option("FILE", a.path, "binary case, e.g. a fuzzing engine's crash file")->required();
  d->add_option("--domain", a.domain, "e.g. vmx_entry")->required();
  d->add_option("-o,--output", a.output, "file, default standard output");
  d->footer("Example: diffvisor case decode crash-1234 --domain vmx_entry");
  d->callback([&a] { a.code = case_decode(a.path, a.domain, a.output); });
  auto* n = c->add_subcommand("new", "the golden case with some fields set");
  n->add_option("DOMAIN", a.domain, "e.g. vmx_entry")->required();
  n->add_option("ASSIGNMENTS", a.assignments, "FIELD=VALUE");
  n->add_option("--profile", a.flags.profile, "e.g. tigerlake");
  n->add_option("-o,--output", a.output, "file, default standard output");
  n->footer("Example: diffvisor case new vmx_entry GUEST_CR4=0x2020 CONTEXT=resume");
  n->callback([&a] { a.code = case_new(a.domain, a.assignments, a.output, a.flags); });
  auto* m = c->add_subcommand("migrate", "rewrite cases that were written with another golden case, schema or model");
  m->add_option("PATHS", a.paths, "case files or directories")->required();
  add_selection(m, a);
  m->footer("Example: diffvisor case migrate corpus");
  m->callback([&a] { a.code = case_migrate(a.paths, a.flags); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("diffvisor: deterministic differential fuzzing of virtual CPUs against models and emulators",
               "diffvisor");
  app.set_version_flag("--version", [] { return version_text(); });
  app.require_subcommand(1);
  app.footer("Exit codes: 0 clean, 1 unexplained divergence or changed verdict, 2 usage or environment.");
  Arguments a;
  add_fuzz(app, a);
  add_cases(app, a);
  add_findings(app, a);
  add_export(app, a);
  add_tables(app, a);
  add_others(app, a);
  add_case(app, a);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    return complain({diffvisor::ErrorCode::Usage, "", e.what()});
  }
  return a.code;
}
