import { readFileSync } from 'node:fs'
import { reportNotices, reportSubjects } from '@posthorn/mail'
import {
  BounceTemplateError,
  type BounceTemplates,
  parseBounceTemplates,
  type TemplateName,
} from '@posthorn/mta'
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

/** sendmail -bv has no report of its own kind in @posthorn/mail. */
const verifyNotice = ['Enclosed is the mail delivery report that you requested.']

/** The texts that are in use without a file, in the form of one. Postfix: bounce(5). */
export const builtTemplates: string = [
  built('failure', reportSubjects.failure, reportNotices.failure, 'Postmaster Copy: Undelivered Mail'),
  built('delay', reportSubjects.delay, reportNotices.delay, 'Postmaster Warning: Delayed Mail'),
  built('success', reportSubjects.success, reportNotices.success),
  built('verify', 'Mail Delivery Status Report', verifyNotice),
].join('\n')

function built(
  name: TemplateName,
  subject: string,
  notices: readonly string[],
  postmasterSubject?: string,
): string {
  const text = notices.map((line) =>
    line.replace('$hours', '$delay_warning_time_hours').replace('$days', '$maximal_queue_lifetime_days'),
  )
  return `${[
    `${name}_template = <<EOF`,
    'Charset: us-ascii',
    'From: Mail Delivery System <MAILER-DAEMON>',
    `Subject: ${subject}`,
    ...(postmasterSubject === undefined ? [] : [`Postmaster-Subject: ${postmasterSubject}`]),
    '',
    'This is the mail system at host $myhostname.',
    '',
    ...text,
    '',
    '                   The mail system',
    'EOF',
  ].join('\n')}\n`
}

/** The text of a template file with its macros filled in. Throws BounceTemplateError, ExpansionError. */
export function expandedTemplates(config: Config, text: string): BounceTemplates {
  return parseBounceTemplates(text, (line) =>
    expand(line, (name) => config.text(name) ?? timeIn(config, name)),
  )
}

/** bounce_template_file, or another; undefined: the built-in texts. Throws StartError. */
export function bounceTemplates(
  config: Config,
  file: string = config.values.bounce_template_file,
): BounceTemplates | undefined {
  if (file === '') return undefined
  try {
    return expandedTemplates(config, readFileSync(file, 'utf8'))
  } catch (error) {
    const where = error instanceof BounceTemplateError ? `${file}, line ${error.line}` : file
    const why = error instanceof Error ? error.message : String(error)
    throw new StartError(`bounce_template_file: ${where}: ${why}`, 'mend the file, or remove the parameter', {
      cause: error,
    })
  }
}
