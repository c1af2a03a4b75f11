export {
  createScreen,
  pregreetRefusal,
  type Screen,
  type ScreenedClient,
  type Screening,
  type Watch,
} from './screen.ts'
export type { AfterGreeting, ScreenAction, ScreenOptions } from './screen-options.ts'
