// SPDX-License-Identifier: Apache-2.0
#include "reports/upstream_test_case.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "harness/case/diff.h"
#include "reports/findings.h"

namespace diffvisor::reports {
namespace {

using triage::Record;

tl::unexpected<Error> impossible(const Record& r, std::string why) {
  return fail(ErrorCode::Usage, r.bucket, "cannot be such a test: " + why);
}

// Inside a comment.
std::string remark(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool ends = c == '/' && !out.empty() && out.back() == '*';
    out += ends ? ' ' : static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

std::string identifier(std::string_view bucket) {
  std::string out(bucket.substr(0, 60));
  std::ranges::replace(out, '.', '_');
  return out;
}

// The bits that differ are set and cleared in what the framework's own guest has there, so that the rest stays valid.
std::string vmx_statement(const FieldDifference& d) {
  const std::uint64_t set = d.after & ~d.before, clear = d.before & ~d.after;
  return fmt::format("\t/* {} */\n\tvmcs_write({:#06x}, (vmcs_read({:#06x}) & ~{:#x}ull) | {:#x}ull);\n",
                     remark(field_difference_text(d)), d.field->tag + 2 * d.index, d.field->tag + 2 * d.index, clear,
                     set);
}

std::string svm_statement(const FieldDifference& d) {
  const std::uint64_t set = d.after & ~d.before, clear = d.before & ~d.after;
  const unsigned width = d.field->width <= 8 ? 8 : d.field->width <= 16 ? 16 : d.field->width <= 32 ? 32 : 64;
  const std::uint32_t offset = d.field->id + d.index * width / 8;
  return fmt::format("\t/* {} */\n\tp = (u8 *)vmcb + {:#x};\n\t*(u{} *)p = (*(u{} *)p & ~{:#x}ull) | {:#x}ull;\n",
                     remark(field_difference_text(d)), offset, width, width, clear, set);
}

std::string reference_outcome(const Record& r) {
  for (const triage::Said& s : r.said)
    if (s.trust == Trust::Reference) return s.outcome;
  return {};
}

// What must be true afterwards, by the reference's outcome; empty: not one of those the framework can see.
std::string vmx_condition(const std::string& outcome) {
  unsigned a = 0, b = 0;
  if (std::sscanf(outcome.c_str(), "entry_failure(%u, %u)", &a, &b) == 2)
    return fmt::format(
        "!result.vm_fail && result.exit_reason.failed_vmentry && result.exit_reason.basic == {} &&\n\t"
        "       vmcs_read(EXI_QUALIFICATION) == {}",
        a, b);
  if (std::sscanf(outcome.c_str(), "vmfail_valid(%u)", &a) == 1 || std::sscanf(outcome.c_str(), "vmfail(%u)", &a) == 1)
    return fmt::format("result.vm_fail && vmcs_read(VMX_INST_ERROR) == {}", a);
  if (outcome.rfind("entered", 0) == 0) return "!result.vm_fail && !result.exit_reason.failed_vmentry";
  return {};
}

std::string svm_condition(const std::string& outcome) {
  if (outcome == "vmexit_invalid") return "svm_vmrun() == SVM_EXIT_ERR";
  if (outcome.rfind("entered", 0) == 0) return "svm_vmrun() != SVM_EXIT_ERR";
  return {};
}

std::string head(const Record& r) {
  std::string out = fmt::format("/*\n * {}\n * The smallest state that shows it {}.\n *\n", remark(r.smallest.sentence),
                                remark(r.smallest.golden));
  for (const triage::Said& s : r.said)
    out += fmt::format(" * {:<10} {:<18} {}\n", remark(s.executor), remark(s.version), remark(s.outcome));
  for (const triage::RuleText& x : r.smallest.rules)
    if (!x.must.empty())
      out += fmt::format(" *\n * {} (section {}): where {}\n * it must hold that {}, else {}.\n", remark(x.id),
                         remark(x.section), remark(x.when), remark(x.must), remark(x.outcome));
  return out + fmt::format(" *\n * Not executed where it was written: diffvisor {} made it of {}.\n */\n",
                           remark(r.first().program), r.bucket);
}

}  // namespace

Result<std::string> upstream_test_case(const Record& r, const Case& c) {
  const bool vmx = r.domain == "vmx_entry";
  if (!vmx && r.domain != "svm_entry") return impossible(r, "there is no framework for " + r.domain);
  const std::string outcome = reference_outcome(r);
  const std::string condition = vmx ? vmx_condition(outcome) : svm_condition(outcome);
  if (condition.empty()) return impossible(r, fmt::format("it cannot see '{}'", outcome));
  std::string statements;
  for (const FieldDifference& d : difference_from_golden(c).fields) {
    if (d.field->role == Role::Context && d.field->name == "PROBE") continue;  // how we look, not what is looked at
    if (d.field->role != Role::State || (d.field->id >= 0xe000))
      return impossible(r, fmt::format("{} is no field of it", d.field->name));
    statements += vmx ? vmx_statement(d) : svm_statement(d);
  }
  const std::string name = identifier(r.bucket);
  const std::string body =
      vmx ? fmt::format(
                "\tstruct vmentry_result result;\n\n\ttest_set_guest({0}_guest);\n{1}\t__enter_guest(0, &result);"
                "\n\treport({2},\n\t       \"{3}\");\n",
                name, statements, condition, outcome)
          : fmt::format("\tu8 *p;\n\n\ttest_set_guest({0}_guest);\n{1}\t(void)p;\n\treport({2},\n\t       \"{3}\");\n",
                        name, statements, condition, outcome);
  return head(r) + fmt::format(
                       "static void {0}_guest({1})\n{{\n\t{2}();\n}}\n\nstatic void {0}(void)\n{{\n{3}}}\n\n/* and "
                       "in the list of tests:  {{ \"{0}\", .v2 = {0} }}, */\n",
                       name, vmx ? "void" : "struct svm_test *test", vmx ? "vmcall" : "vmmcall", body);
}

}  // namespace diffvisor::reports
