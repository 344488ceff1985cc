/** Options of {@link NatsChangeLog.open}. */
export interface NatsChangeLogOptions {
  /** The name of the JetStream stream; subjects begin with it. Letters, digits, `-` and `_`. */
  readonly stream: string;
  /** On how many servers it is kept, where it is made. Default 1. */
  readonly replicas?: number | undefined;
  /** Whether it is made where it is not there. An application that may only read says `false`. Default `true`. */
  readonly create?: boolean | undefined;
  /** How often it is looked whether something was written, in milliseconds. Default 100. */
  readonly pollInterval?: number | undefined;
  /** How long a server may take to answer, in milliseconds. Default 5,000. */
  readonly timeout?: number | undefined;
  /**
   * For how long a question is asked again while no server answers it, in milliseconds: it takes some seconds until one
   * takes the place of another. Writes are tried again by who writes. Default 30,000.
   */
  readonly patience?: number | undefined;
}
