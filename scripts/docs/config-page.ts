import type { Parameter } from '../../packages/server/src/config/schema/parameter.ts'
import { groups } from '../../packages/server/src/config/schema/schema.ts'

const intro = `# Parameters

*Made from the schema by \`npm run docs\`; change \`packages/server/src/config/schema/\` instead.*

The configuration is \`main.cf\`, in Postfix's own syntax: \`name = value\`, comments on lines of their own, a
line that begins with a blank continues the one before, \`$name\` is another parameter's value, the last line
of a name wins. It is looked for in this order:

1. \`--config FILE\` (\`-c\` of Postfix's commands), a file or its folder;
2. the file or folder that \`POSTHORN_CONFIG\` names, or \`MAIL_CONFIG\`, as for Postfix's commands;
3. \`/etc/posthorn/main.cf\`, when it exists (data in \`/var/lib/posthorn\`);
4. \`main.cf\` in the data folder: \`POSTHORN_DATA_DIRECTORY\`, or \`./data\`. It need not exist.

\`POSTHORN_<NAME>\` in the environment comes before main.cf: \`POSTHORN_MYHOSTNAME=mail.example.org\`. An empty
variable is as if it were not there; a blank sets the parameter to nothing.

\`postconf\` shows every value, \`postconf -n\` those that were set, \`postconf -e 'name = value'\` sets one,
\`posthorn check\` says what is wrong. A misspelt name is an error; a parameter of Postfix or Dovecot that has
no meaning here is named in a warning. \`posthorn reload\` brings changes into force but for those marked
*restart*.

Types: octets may be written \`10240000\`, \`500k\`, \`10M\`, \`2G\`; times \`30s\`, \`5m\`, \`1h\`, \`2d\`, \`1w\` (a bare
number is in the unit given); lists are separated by commas or blanks; a port of 0 is off.
`

export function configPage(): string {
  const sections = Object.entries(groups).map(([title, parameters]) => {
    const entries = Object.entries<Parameter>(parameters).map(([name, parameter]) => entry(name, parameter))
    return `## ${title}\n\n${entries.join('\n')}`
  })
  return `${intro}\n${sections.join('\n')}`
}

function entry(name: string, parameter: Parameter): string {
  const { type, values, unit, change, instead, effect, origin } = parameter
  const kind =
    type === 'choice'
      ? (values ?? []).filter((one) => one !== '').join(' | ')
      : unit === undefined
        ? type
        : `${type}, unit ${unit}`
  const marks = [kind, origin, ...(change === undefined ? [] : [change])].join('; ')
  const fallback = parameter.computed
    ? 'found on this machine'
    : parameter.default === ''
      ? 'empty'
      : `\`${parameter.default}\``
  const note =
    effect === 'later'
      ? ' **Not in effect yet.**'
      : instead === undefined
        ? ''
        : ` **No effect here**: ${instead}`
  return `### ${name}\n\n(${marks}) Default: ${fallback}. ${parameter.doc}${note}\n`
}
