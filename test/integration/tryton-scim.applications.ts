import { testProvider } from "./tryton-provider.js";
import { debian, trytonIsMissing } from "./tryton-server.js";

testProvider(debian, trytonIsMissing);
