// The rules of the house as functions of a file's path and text. Each returns one line per offence,
// "path:line: what", so that the tests show all of them at once.
#pragma once
#include <string>
#include <vector>

struct SourceFile {
  std::string path;  // relative to the root, with slashes
  std::string text;
};

using Offences = std::vector<std::string>;

// tools -> gs -> {models, optim} -> engine -> kernels: a folder includes only what is to its right,
// other people's headers only where they belong, and outside kernels only its contract headers.
// Inside gs: images and translate; passes, losses; config, range, observer, recipe and
// step_options; eval; train: a file includes only what stands before it or in its own room.
Offences include_offences(const SourceFile&);

// Every .cpp of gs first includes its own header, gs/room/name.h for gs/room/name.cpp; a class that
// fills several files has one, of which their names are continuations: name_part.cpp.
Offences own_header_offences(const SourceFile&);

// No preprocessor conditions but Highway's own and those of kernels/runtime and the tests.
Offences condition_offences(const SourceFile&);

// Length, the opening comment, include guards, notes left behind, paths of one machine.
Offences text_offences(const SourceFile&);

// Library code and tools call std::filesystem with an error_code (named error or ignored): what it
// throws otherwise speaks of filesystem errors to people.
Offences filesystem_offences(const SourceFile&);
