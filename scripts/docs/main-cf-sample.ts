import type { Parameter } from '../../packages/server/src/config/schema/parameter.ts'
import { groups } from '../../packages/server/src/config/schema/schema.ts'

const head = `# A sample of main.cf: every parameter in effect with its default, commented out. Made by \`npm run docs\`.
# Copy the lines that are to be other than the default.
`

export function mainCfSample(): string {
  const sections = Object.entries(groups).map(([title, parameters]) => {
    const entries = Object.entries<Parameter>(parameters)
      .filter(
        ([name, { instead, effect }]) =>
          instead === undefined && effect !== 'later' && name !== 'config_directory',
      )
      .map(([name, parameter]) => `${comment(parameter.doc)}#${`${name} = ${parameter.default}`.trimEnd()}\n`)
    return `\n${'#'.repeat(76)}\n# ${title}\n\n${entries.join('\n')}`
  })
  return `${head}${sections.join('')}`
}

function comment(text: string): string {
  let lines = ''
  let line = '#'
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > 78) {
      lines += `${line}\n`
      line = '#'
    }
    line += ` ${word}`
  }
  return `${lines}${line}\n`
}
