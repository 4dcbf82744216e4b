// SPDX-License-Identifier: Apache-2.0
// The rows of the .def tables that say something about rules, as elements of an array: each becomes the struct of its
// array, member by member.
#pragma once

#define CLAIM(...) {__VA_ARGS__},
#define EXCEPTION(...) {__VA_ARGS__},
#define EQUIVALENT(...) {__VA_ARGS__},
#define SPEC(...) {__VA_ARGS__},
