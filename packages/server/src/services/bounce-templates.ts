import { readFileSync } from 'node:fs'
import { BounceTemplateError, type BounceTemplates, parseBounceTemplates } from '@posthorn/mta'
import type { Config } from '../config/config.ts'
import { expand } from '../config/expand.ts'
import type { ParameterName } from '../config/schema/schema.ts'
import { StartError } from '../start-error.ts'

const unitsMs = { seconds: 1_000, minutes: 60_000, hours: 3_600_000, days: 86_400_000, weeks: 604_800_000 }

/** `$delay_warning_time_hours`: a time in whole units. Postfix: bounce(5). */
function timeIn(config: Config, name: string): string | undefined {
  const match = /^(.+)_(seconds|minutes|hours|days|weeks)$/.exec(name)
  if (match === null) return undefined
  const value: unknown = config.values[match[1] as ParameterName]
  if (typeof value !== 'number') return undefined
  return String(Math.trunc(value / unitsMs[match[2] as keyof typeof unitsMs]))
}

/** bounce_template_file, or another; undefined: the built-in texts. Throws StartError. */
export function bounceTemplates(
  config: Config,
  file: string = config.values.bounce_template_file,
): BounceTemplates | undefined {
  if (file === '') return undefined
  const macro = (text: string): string => expand(text, (name) => config.text(name) ?? timeIn(config, name))
  try {
    return parseBounceTemplates(readFileSync(file, 'utf8'), macro)
  } catch (error) {
    const where = error instanceof BounceTemplateError ? `${file}, line ${error.line}` : file
    const why = error instanceof Error ? error.message : String(error)
    throw new StartError(`bounce_template_file: ${where}: ${why}`, 'mend the file, or remove the parameter', {
      cause: error,
    })
  }
}
