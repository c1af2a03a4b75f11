import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rfcTitles } from './rfc-titles.ts'

const intro = `# Standards

*Made from the \`RFC nnnn §x\` comments of the code by \`npm run docs\`.*

A section stands beside the files that implement it; \`t\` after a section means that a test names it. A
standard is *tested* when a test names it, *in code* when only the code does.
`

interface Mention {
  readonly sections: Map<string, 'code' | 'tested'>
  readonly files: Set<string>
  tested: boolean
}

export function rfcPage(root: string): string {
  const mentions = new Map<number, Mention>()
  for (const file of sourceFiles(join(root, 'packages')))
    collect(file.slice(root.length), readFileSync(file, 'utf8'), mentions)
  const rows = [...mentions].sort(([a], [b]) => a - b).map(([number, mention]) => row(number, mention))
  return `${intro}\n| RFC | title | status | sections | files |\n| --- | --- | --- | --- | --- |\n${rows.join('')}`
}

function* sourceFiles(folder: string): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && entry.name !== 'node_modules') yield* sourceFiles(path)
    else if (entry.isFile() && entry.name.endsWith('.ts')) yield path
  }
}

/** `RFC 9051 §6.4.7`, `RFC 5321 §4.1.1, §4.5` and `RFC 3461`. */
function collect(file: string, text: string, mentions: Map<number, Mention>): void {
  const isTest = file.endsWith('.test.ts')
  for (const match of text.matchAll(
    /\bRFC (\d{3,5})((?:(?:,| and|,? or)? ?§{1,2}[0-9A-Z][0-9A-Za-z.]*)*)/g,
  )) {
    const number = Number(match[1])
    const mention = mentions.get(number) ?? { sections: new Map(), files: new Set(), tested: false }
    mentions.set(number, mention)
    for (const section of (match[2] ?? '').matchAll(/§{1,2}([0-9A-Z][0-9A-Za-z.]*)/g)) {
      const name = (section[1] ?? '').replace(/\.$/, '')
      if (isTest || !mention.sections.has(name)) mention.sections.set(name, isTest ? 'tested' : 'code')
    }
    if (isTest) mention.tested = true
    else mention.files.add(file)
  }
}

function row(number: number, { sections, files, tested }: Mention): string {
  const link = `[${number}](https://www.rfc-editor.org/rfc/rfc${number})`
  const named = [...sections].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
  const sectionText = named.map(([name, how]) => `§${name}${how === 'tested' ? ' t' : ''}`).join(', ')
  const fileText = [...files]
    .map((file) => `[${file.replace(/^packages\//, '').replace('/src/', '/')}](../${file})`)
    .join(', ')
  return `| ${link} | ${rfcTitles[number] ?? ''} | ${tested ? 'tested' : 'in code'} | ${sectionText} | ${fileText} |\n`
}
