// SPDX-License-Identifier: Apache-2.0
// How named defects are written: edits of a table's rows by id.
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/base/check.h"
#include "harness/rules/edit.h"

namespace diffvisor::rules {

// Collects edits of one table by rule id; a list rule is edited in all its entries.
class TableEdits {
 public:
  explicit TableEdits(const RuleSet& set) : set_(&set) {}

  TableEdits& drop(std::initializer_list<std::string_view> ids) {
    for (const auto id : ids) each(id, [](const Rule&, RowEdit& e) { e.drop = true; });
    return *this;
  }
  TableEdits& require(std::string_view id, const Expr& must) {
    each(id, [&](const Rule&, RowEdit& e) { e.must = must; });
    return *this;
  }
  TableEdits& apply_when(std::string_view id, const Expr& when) {
    each(id, [&](const Rule&, RowEdit& e) { e.when = when; });
    return *this;
  }
  std::vector<RowEdit> take() { return std::move(edits_); }

 private:
  template <class F>
  void each(std::string_view id, F change) {
    bool found = false;
    for (std::size_t i = 0; i < set_->rows.size(); ++i) {
      if (set_->rows[i].id != id) continue;
      found = true;
      RowEdit e;
      e.row = i;
      change(set_->rows[i], e);
      edits_.push_back(e);
    }
    CHECK(found);
  }

  const RuleSet* set_;
  std::vector<RowEdit> edits_;
};

}  // namespace diffvisor::rules
