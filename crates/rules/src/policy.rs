//! Record-level permission: Cedar policies over who calls, which operation and with which parameters.
