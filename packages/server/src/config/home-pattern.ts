/** What stands for what in home_directory; `$user` and `$domain` as in forward_path, `%n` as in Dovecot. */
const letters: readonly (readonly [written: string, meant: string])[] = [
  ['$user', '%u'],
  ['$domain', '%d'],
  ['%n', '%u'],
]

/** home_directory with `%u` for the local part and `%d` for the domain alone. */
export const homePattern = (text: string): string =>
  letters.reduce((pattern, [written, meant]) => pattern.replaceAll(written, meant), text)

/** What home_directory names with `%` and nobody fills in: `%h` and `%Lu` are Dovecot's. */
export const unknownHomeParts = (text: string): readonly string[] =>
  text.match(/%(?![und])(?:\{[^}]*\}|[A-Z0-9]*[^/]?)/g) ?? []
