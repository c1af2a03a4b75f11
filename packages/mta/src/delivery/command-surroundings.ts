/** Where and how commands of aliases, `.forward` and mailbox_command are started, from main.cf. */
export interface CommandSurroundings {
  /** `$home` and its kind are filled in; '' = the root of the file system. Postfix: command_execution_directory. */
  readonly directory: string
  /** What may stand in the place of `$recipient` and its kind. Postfix: execution_directory_expansion_filter. */
  readonly directoryFilter: string
  /** What may stand in environment variables that strangers wrote; other characters become `_`. Postfix: command_expansion_filter. */
  readonly variableFilter: string
  /** `/usr/lib/sm.bin/smrsh -c`; '' = the command itself, or /bin/sh for one that needs a shell. Postfix: local_command_shell. */
  readonly shell: string
  /** Postfix: export_environment, with its values. */
  readonly environment: Readonly<Record<string, string>>
}

export const usualVariableFilter = '1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** In permitted characters only. */
export const permittedText = (value: string, filter: string): string => {
  const permitted = new Set(filter)
  return [...value].map((one) => (permitted.has(one) ? one : '_')).join('')
}

export const usualSurroundings: CommandSurroundings = {
  directory: '',
  directoryFilter: '',
  variableFilter: usualVariableFilter,
  shell: '',
  environment: {},
}

/** The working directory of one command; what strangers chose stands there in permitted characters only. */
export function workingDirectory(
  { directory, directoryFilter }: Pick<CommandSurroundings, 'directory' | 'directoryFilter'>,
  values: Readonly<Record<string, string>>,
): string {
  if (directory === '') return '/'
  const filled = directory.replace(
    /\$(?:(\w+)|[{(](\w+)(?:([?:])([^{}()]*))?[)}])/g,
    (_, bare: string | undefined, name: string | undefined, test: string | undefined, text: string) => {
      const value = values[bare ?? name ?? ''] ?? ''
      if (test !== undefined) return (test === '?') === (value !== '') ? text : ''
      return permittedText(value, directoryFilter)
    },
  )
  return filled.startsWith('/') ? filled : `/${filled}`
}

/** The program and its words for a command line. Postfix: exec_command(3). */
export function commandWords(command: string, shell: string): readonly [file: string, ...args: string[]] {
  if (shell !== '') {
    const [file = '/bin/sh', ...args] = shell.trim().split(/[ \t]+/)
    return [file, ...args, command]
  }
  const [file = '', ...args] = plainCommand.test(command) ? command.trim().split(/[ \t]+/) : []
  return file === '' ? ['/bin/sh', '-c', command] : [file, ...args]
}

/** A command of such characters needs no shell. Postfix: exec_command(3). */
const plainCommand = /^\/[A-Za-z0-9!@%_=+:,./ \t-]*$/
