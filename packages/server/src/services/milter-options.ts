import { defaultMilterOptions, type MiltersOptions, macroNames, readProtocol } from '@posthorn/mta'
import type { Config } from '../config/config.ts'

/** The filters of mail, from main.cf. */
export function miltersOptions({ values }: Config): MiltersOptions {
  const names = (words: readonly string[]) => macroNames(words.join(' '))
  return {
    smtpd: values.smtpd_milters,
    nonSmtpd: values.non_smtpd_milters,
    maps: values.smtpd_milter_maps,
    headerChecks: values.milter_header_checks,
    settings: {
      ...defaultMilterOptions,
      connectTimeoutMs: values.milter_connect_timeout,
      commandTimeoutMs: values.milter_command_timeout,
      contentTimeoutMs: values.milter_content_timeout,
      defaultAction: values.milter_default_action,
      protocol: readProtocol(values.milter_protocol, 'milter_protocol'),
      macros: {
        connect: names(values.milter_connect_macros),
        helo: names(values.milter_helo_macros),
        mail: names(values.milter_mail_macros),
        rcpt: names(values.milter_rcpt_macros),
        data: names(values.milter_data_macros),
        endOfHeaders: names(values.milter_end_of_header_macros),
        endOfData: names(values.milter_end_of_data_macros),
        unknown: names(values.milter_unknown_command_macros),
      },
      daemonName: values.milter_macro_daemon_name,
      macroV: values.milter_macro_v,
      macroDefaults: values.milter_macro_defaults,
      myhostname: values.myhostname,
    },
  }
}
