import { entraProfile } from "concordat/scim";
import { testConversations } from "../conversation.js";

testConversations(new URL(".", import.meta.url), entraProfile);
