// Text on its way to people: names of files may hold any bytes, terminals must not get them all.
#pragma once
#include <filesystem>
#include <string>

namespace gsx::tools {

// UTF-8 with nothing in it that a terminal would obey: control characters become '?', and so do
// bytes that are no UTF-8.
std::string printable(const std::string&);

// The message without what it begins with, where it does.
std::string behind(const std::string& front, const std::string& message);

// Quoted for a shell, which reads the same bytes back; printable itself.
std::string shell_quoted(const std::string& word);

// A file's name for stdout: printable on terminals, its very bytes for programs that read them.
std::string for_stdout(const std::string& name);

// A file's bytes; empty where there is none. Error where it cannot be read: a file that seems empty
// would be replaced, or left out of a result.
std::string text_in(const std::filesystem::path&);

// Of a file's bytes, 16 digits (FNV-1a): not against forgers, but for what was edited.
std::string digest(const std::string& bytes);

// "warning: TEXT" on stderr.
void warn(const std::string& text);

}  // namespace gsx::tools
