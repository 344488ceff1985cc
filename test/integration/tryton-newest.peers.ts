import { testProvider } from "./tryton-provider.js";
import { debian, newest } from "./tryton-server.js";

// `bash .ci/peers/install tryton` installs it.
testProvider(newest ?? debian, newest === undefined ? "install the peer tryton" : undefined);
