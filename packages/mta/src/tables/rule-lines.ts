import { insideBraces, splitListText } from './list-text.ts'
import { type TableContext, TableError } from './table.ts'
import { drain, openTableFile, type Parse, type TableFile } from './table-file.ts'

/**
 * The rules of `cidr:`, `regexp:` and `pcre:`: lines of a file, or `{{rule}, {rule}}` in the parameter itself.
 * Throws TableError. DATABASE_README, Postfix 3.7.
 */
export function openRules<T>(
  argument: string,
  spec: string,
  context: TableContext,
  parse: Parse<T>,
): TableFile<T> {
  if (!argument.startsWith('{')) return openTableFile(argument, spec, context, parse)
  const rules = rulesInBraces(argument)
  if (rules === undefined || rules.length === 0)
    throw new TableError(spec, 'expected {{rule}, {rule} …}, or the name of a file')
  const warn = (rule: number, text: string) =>
    context.log({ level: 'warning', service: 'tables', text: `${spec}, rule ${rule}: ${text}` })
  const content = drain(parse(rules.join('\n'), warn))
  return { current: () => content, refresh: async () => {} }
}

function rulesInBraces(argument: string): readonly string[] | undefined {
  const body = insideBraces(argument)
  const rules = body === undefined ? [] : splitListText(body).map(insideBraces)
  return rules.every((rule) => rule !== undefined && rule !== '') ? (rules as string[]) : undefined
}
